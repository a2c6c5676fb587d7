"""Processor time of 1,000 small problems: ``minimize`` and ``least_squares``, SciPy in a loop.

    python tests/long/many_problems.py [--problems 1000] [--looped 100]

The loop runs over the first ``--looped`` problems, and its time is scaled up to all.
SciPy's L-BFGS-B gets value and gradient from torch, as a user of torch would give them; SciPy's
least squares (MINPACK) gets a model and its Jacobian in NumPy.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

import lsr1_pl

D = torch.float64
TIMES = torch.linspace(0, 4, 30, dtype=D)


def rosenbrock(x: Tensor) -> Tensor:
    head, tail = x[..., :-1], x[..., 1:]
    return (100 * (tail - head.square()).square() + (1 - head).square()).sum(-1)


def cosh(x: Tensor) -> Tensor:
    scale = torch.logspace(-1, 1, x.shape[-1], dtype=x.dtype)
    return (scale * (x - 1).cosh()).sum(-1)


def decay(x: Tensor) -> Tensor:
    a, b, c = x.unsqueeze(-2).unbind(-1)
    return a * (-b * TIMES).exp() + c


def loop(function: Callable[[Tensor], Tensor], starts: Tensor) -> Tensor:
    """(B,) the values that SciPy's L-BFGS-B finds, one problem after the other."""

    def both(point: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.tensor(point, requires_grad=True)
        value = function(x)
        (gradient,) = torch.autograd.grad(value, x)
        return float(value.detach()), gradient.numpy()

    found = [
        optimize.minimize(both, start, jac=True, method="L-BFGS-B").fun for start in starts.numpy()
    ]
    return torch.tensor(found, dtype=D)


def curve(data: np.ndarray) -> float:
    """The cost of MINPACK's fit of one curve."""
    t = TIMES.numpy()

    def jacobian(x: np.ndarray) -> np.ndarray:
        falling = np.exp(-x[1] * t)
        return np.stack([falling, -t * x[0] * falling, np.ones_like(t)], axis=1)

    return float(
        optimize.least_squares(
            lambda x: x[0] * np.exp(-x[1] * t) + x[2] - data, np.ones(3), jacobian, method="lm"
        ).cost
    )


def timed(name: str, ours: Callable[[], Tensor], theirs: Callable[[], Tensor], fine: float) -> None:
    """Print both times, the second scaled up, and who found the lower values of those in both."""
    begun = time.process_time()
    mine = ours()
    between = time.process_time()
    other = theirs()
    quick, slow = between - begun, (time.process_time() - between) * len(mine) / len(other)
    lowest = torch.minimum(mine[: len(other)], other)
    solved = [
        int((each[: len(other)] <= lowest + fine * (1 + lowest.abs())).sum())
        for each in (mine, other)
    ]
    print(
        f"{name}: {quick:.2f} s at once, {slow:.2f} s in a loop, {slow / quick:.1f} times; "
        f"lowest {solved[0]} and {solved[1]} of {len(other)}",
        flush=True,
    )


def main() -> None:
    """Measure each family."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--looped", type=int, default=100)
    options = parser.parse_args()
    count, looped = options.problems, min(options.looped, options.problems)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    # What the first call alone has to do.
    lsr1_pl.minimize(rosenbrock, torch.zeros(2, 2, dtype=D))
    lsr1_pl.least_squares(lambda x: decay(x) - TIMES, torch.ones(2, 3, dtype=D))
    loop(rosenbrock, torch.zeros(1, 2, dtype=D))
    for name, function in (("rosenbrock", rosenbrock), ("cosh", cosh)):
        for size in (2, 5, 20):
            x0 = 2 * torch.randn(count, size, dtype=D, generator=generator)
            timed(
                f"{name} {size}",
                lambda f=function, x0=x0: lsr1_pl.minimize(f, x0).value,
                lambda f=function, x0=x0: loop(f, x0[:looped]),
                1e-6,
            )
    truth = 0.5 + torch.rand(count, 3, dtype=D, generator=generator)
    data = decay(truth) + 0.02 * torch.randn(count, 30, dtype=D, generator=generator)
    start = torch.ones(count, 3, dtype=D)
    timed(
        "fits of a decay",
        lambda: lsr1_pl.least_squares(lambda x: decay(x) - data, start).value,
        lambda: torch.tensor([curve(each) for each in data.numpy()[:looped]], dtype=D),
        1e-8,
    )


if __name__ == "__main__":
    main()
