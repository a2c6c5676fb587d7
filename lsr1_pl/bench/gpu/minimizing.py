"""``minimize`` on one, a thousand and a hundred thousand problems, beside torch.optim.LBFGS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from lsr1_pl.bench.gpu.parts import Measurement, Row, Setting
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.pretrained import minimize

_VARIABLES, _STEPS, _SOLVED = 10, 200, 1e-4
_AT_A_TIME = 1_000
"""torch's solves one problem after another up to so many; more only as one sum."""


def measurements(setting: Setting) -> Iterator[Measurement]:
    """Rosenbrock's function of 10 variables, each start within one of the minimum."""
    device = setting.device
    for count in (1, 3) if setting.fast else (1, 1_000, 100_000):
        what = f"{count:,} problem{'s' if count > 1 else ''}"
        yield Measurement(f"{what}, minimize", partial(_measure, _ours, count, device))
        yield Measurement(
            f"{what}, torch.optim.LBFGS of their sum", partial(_measure, _sum, count, device)
        )
        if 1 < count <= _AT_A_TIME:
            yield Measurement(
                f"{what}, torch.optim.LBFGS, one after another (the first ten, times the rest)",
                partial(_measure, _each, count, device),
            )


def _measure(solve: Callable[[Tensor], tuple[Tensor, float]], count: int, device: str) -> Row:
    generator = torch.Generator().manual_seed(0)
    starts = 1 + 2 * torch.rand(count, _VARIABLES, generator=generator).sub(0.5).to(device)
    solve(starts[:1])  # Libraries load at their first use.
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    values, share = solve(starts)
    values = values.cpu()  # This waits for the device.
    seconds = (time.perf_counter() - started) / share
    return {
        "seconds": seconds,
        "us a problem": 1e6 * seconds / count,
        f"% below {_SOLVED:g}": 100 * float((values < _SOLVED).float().mean()),
        "median value": float(values.median()),
    }


def _ours(starts: Tensor) -> tuple[Tensor, float]:
    return minimize(Rosenbrock().value, starts, steps=_STEPS).value, 1.0


def _sum(starts: Tensor) -> tuple[Tensor, float]:
    x = starts.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = Rosenbrock().value(x).sum()
        value.backward()
        return value

    optimizer.step(closure)
    return Rosenbrock().value(x).detach(), 1.0


def _each(starts: Tensor) -> tuple[Tensor, float]:
    some = starts[:10]
    return torch.cat([_sum(start[None])[0] for start in some]), len(some) / len(starts)
