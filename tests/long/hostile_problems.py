"""Random hostile problems through ``lsr1_pl.minimize``: each must end finite, not above its start.

    python tests/long/hostile_problems.py --problems 100000

Functions with saddles, corners, walls of NaN and infinity, jumps, no lower bound, no slope; 1 to 40
variables; scales of x and of f from 1e-12 to 1e12, each problem with its own; float32 and float64;
the shipped optimisers and the classical ones. Prints one JSON object with the share of each status,
and exits with 1 if a problem broke the promise.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lsr1_pl import load_pretrained, minimize
from lsr1_pl.objectives import Rastrigin, Rosenbrock
from lsr1_pl.optim import (
    BFGS,
    LBFGS,
    PSDSR1,
    SR1,
    AdaHessian,
    Adam,
    BatchedOptimizer,
    GradientDescent,
    Nesterov,
    Newton,
    PairLSR1,
)

Function = Callable[[Tensor], Tensor]
BATCH = 200
SIZES = (1, 2, 3, 5, 10, 40)
MOST_DECADES = 12
REFUSED = "refused at the start"
"""The start itself, its value or its gradient is not finite: ``minimize`` names such problems."""

OPTIMIZERS: dict[str, Callable[[], BatchedOptimizer]] = {
    "lsr1_general": lambda: load_pretrained("lsr1_general"),
    "quadratics": lambda: load_pretrained("quadratics"),
    "pair l-sr1": lambda: PairLSR1(4),
    "l-bfgs armijo": lambda: LBFGS(4, "armijo"),
    "l-bfgs wolfe": lambda: LBFGS(4, "strong_wolfe"),
    "l-bfgs": lambda: LBFGS(4),
    "bfgs": BFGS,
    "bfgs exact": lambda: BFGS("exact"),
    "sr1": SR1,
    "psd-sr1": PSDSR1,
    "newton": lambda: Newton(1.0),
    "adam": lambda: Adam(0.1),
    "adahessian": lambda: AdaHessian(0.1),
    "nesterov": lambda: Nesterov(0.1),
    "gradient descent": lambda: GradientDescent(1.0),
}
WEIGHTS = {"lsr1_general": 8, "quadratics": 2}
"""How often an optimiser is drawn, where it is not once."""


def _quadratics(
    count: int, size: int, generator: torch.Generator, dtype: torch.dtype
) -> Callable[[Tensor, Tensor], Tensor]:
    """Some of them saddles, some singular."""
    basis = torch.linalg.qr(torch.randn(count, size, size, generator=generator)).Q
    curvatures = 10 ** (8 * torch.rand(count, size, generator=generator) - 4)
    signs = torch.randint(-1, 4, (count, size), generator=generator).clamp_max(1)
    H = ((basis * (curvatures * signs).unsqueeze(1)) @ basis.mT).to(dtype)
    b = torch.randn(count, size, generator=generator).to(dtype)

    def function(x: Tensor, rows: Tensor) -> Tensor:
        return 0.5 * torch.einsum("bi,bij,bj->b", x, H[rows], x) + (b[rows] * x).sum(dim=1)

    return function


SIMPLE: dict[str, Function] = {
    "bowl": lambda x: x.square().sum(dim=1),
    "valley": lambda x: Rosenbrock().value(torch.cat([x, x[:, :1]], dim=1)),
    "many minima": lambda x: Rastrigin().value(x),
    "corners": lambda x: x.abs().sum(dim=1),
    "infinite slope": lambda x: x.abs().sqrt().sum(dim=1),
    "no lower bound": lambda x: -x.square().sum(dim=1),
    "falls to minus infinity": lambda x: (x - 1e-3).abs().log().sum(dim=1),
    "nan beyond": lambda x: torch.where(x[:, 0] < -0.3, torch.nan, 1.0) * x.square().sum(dim=1),
    "wall of infinity": lambda x: torch.where(x[:, 0] > 0.3, torch.inf, x.square().sum(dim=1)),
    "minus infinity beyond": lambda x: torch.where(x[:, 0] > 0.3, -torch.inf, x.sum(dim=1)),
    "log barrier": lambda x: x.abs().sum(dim=1) - (1 + x).log().sum(dim=1),
    "saddle": lambda x: x[:, 0] * x[:, -1] + x.pow(4).sum(dim=1),
    "monkey saddle": lambda x: x.pow(3).sum(dim=1),
    "flat": lambda x: 0 * x.sum(dim=1),
    "jumps": lambda x: x.square().sum(dim=1) + (3 * x[:, 0]).floor().detach(),
    "slope that lies": lambda x: -x.sum(dim=1) + 2 * x.sum(dim=1).detach(),
    "overflows": lambda x: torch.exp(x).sum(dim=1),
    "very steep": lambda x: x.pow(8).sum(dim=1),
    "nan slope": lambda x: (x.square().sum(dim=1) - 0.1).clamp_min(0).sqrt(),
}


class Problems(NamedTuple):
    """A batch of problems of one function and size."""

    name: str
    function: Callable[[Tensor, Tensor], Tensor]
    """Of points (R, N) of the problems (R,): (R,) values."""
    x0: Tensor
    """(B, N)."""

    def of(self, rows: Tensor) -> Function:
        """The function of the problems ``rows`` (R,) alone."""
        return lambda x: self.function(x, rows)

    def sound(self) -> Tensor:
        """(B,) whether the start, its value and its gradient are finite."""
        x = self.x0.clone().requires_grad_()
        value = self.function(x, torch.arange(len(x)))
        (gradient,) = torch.autograd.grad(value.sum(), x)
        return x.isfinite().all(dim=1) & gradient.isfinite().all(dim=1) & value.isfinite()


def draw(generator: torch.Generator, count: int) -> Problems:
    """A random batch; the first starts at the origin, the second at one spot in all variables."""
    names = [*SIMPLE, "quadratics"]
    name = names[_integer(generator, len(names))]
    size = SIZES[_integer(generator, len(SIZES))]
    dtype = (torch.float32, torch.float64)[_integer(generator, 2)]
    quadratics = _quadratics(count, size, generator, dtype)
    inner = quadratics if name == "quadratics" else lambda x, rows: SIMPLE[name](x)
    decades = MOST_DECADES * (2 * torch.rand(2, count, generator=generator, dtype=dtype) - 1)
    # One batch in four is of ordinary scales, where more steps are taken.
    height, width = 10 ** (decades * (_integer(generator, 4) > 0))
    x0 = width.unsqueeze(1) * torch.randn(count, size, generator=generator, dtype=dtype)
    x0[0] = 0
    x0[1] = width[1]

    def function(x: Tensor, rows: Tensor) -> Tensor:
        return height[rows] * inner(x / width[rows].unsqueeze(1), rows)

    return Problems(name, function, x0)


def _integer(generator: torch.Generator, below: int) -> int:
    return int(torch.randint(below, (1,), generator=generator))


def solve(
    problems: Problems, optimizer: BatchedOptimizer, steps: int
) -> tuple[Counter[str], list[str]]:
    """How the problems ended, and what was broken."""
    rows = problems.sound().nonzero().flatten()
    counts = Counter({REFUSED: len(problems.x0) - len(rows)})
    if not len(rows):
        return counts, []
    x0, function = problems.x0[rows], problems.of(rows)
    found = minimize(function, x0, optimizer, steps=steps)
    counts.update(status.value for status in found.status)
    broken = {
        "x is not finite": ~found.x.isfinite().all(dim=1),
        "the value is not finite": ~found.value.isfinite(),
        "the value is above the start's": ~(found.value <= function(x0)),
        "the value is not that of x": found.value != function(found.x),
        "the best so far rose": (found.values.diff(dim=0) > 0).any(dim=0),
    }
    return counts, [f"{what}: {int(bad.sum())}" for what, bad in broken.items() if bad.any()]


def run(problems: int, seed: int) -> dict[str, Any]:
    """Draw and solve; see the module."""
    generator = torch.Generator().manual_seed(seed)
    names = [name for name in OPTIMIZERS for _ in range(WEIGHTS.get(name, 1))]
    statuses: Counter[str] = Counter()
    functions: dict[str, Counter[str]] = {}
    violations: list[str] = []
    begun = time.perf_counter()
    for number in range(-(-problems // BATCH)):
        batch = draw(generator, BATCH)
        name = names[_integer(generator, len(names))]
        optimizer = solver(name, batch.x0)
        steps = 1 + _integer(generator, 30)
        try:
            counts, broken = solve(batch, optimizer, steps)
        except Exception as error:
            counts, broken = Counter({"crashed": BATCH}), [f"{type(error).__name__}: {error}"]
        statuses += counts
        functions.setdefault(batch.name, Counter()).update(counts)
        where = f"batch {number}: {name} on {batch.name}, {batch.x0.dtype}, N {batch.x0.shape[1]}"
        violations += [f"{where}: {what}" for what in broken]
    return {
        "problems": sum(statuses.values()),
        "seed": seed,
        "statuses": dict(statuses),
        "by_function": {key: dict(value) for key, value in sorted(functions.items())},
        "violations": violations,
        "seconds": round(time.perf_counter() - begun, 1),
    }


def solver(name: str, like: Tensor) -> BatchedOptimizer:
    """The optimiser of that name, in the dtype of ``like``."""
    optimizer = OPTIMIZERS[name]()
    return optimizer.to(like).eval() if isinstance(optimizer, nn.Module) else optimizer


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = run(options.problems, options.seed)
    print(json.dumps(found, indent=1))
    return 1 if found["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
