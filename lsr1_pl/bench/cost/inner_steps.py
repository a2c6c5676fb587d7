"""The time and memory of inner steps: one measurement, for a process of its own.

Nothing here loads Lightning, which takes longer than most measurements.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from lsr1_pl.bench.published import published_parts
from lsr1_pl.metrics.memory import peak_bytes, start_peak
from lsr1_pl.objectives import DiagonalQuadratic
from lsr1_pl.optim import LBFGS, LSR1, AdaHessian, Adam, BatchedOptimizer, Networks, unroll

SOLVERS: dict[str, Callable[[], BatchedOptimizer]] = {
    "L-SR1": lambda: LSR1(networks=Networks(128), buffer_size=8),
    "L-SR1, authors' code": lambda: LSR1(**published_parts(buffer_size=8)),
    "Adam": lambda: Adam(1e-2),
    "AdaHessian": lambda: AdaHessian(1e-2),
    "L-BFGS": lambda: LBFGS(8, learning_rate=0.1),
}
"""The solvers of the figures."""
_STEPS = 8
BATCH = {"inference": 32, "meta-training": 4}
"""The problems of a measurement, by phase."""


class Case(NamedTuple):
    """A solver at one size."""

    solver: str
    """A key of ``SOLVERS``."""
    phase: str
    """A key of ``BATCH``."""
    size: int
    device: str


class Cost(NamedTuple):
    """What a measurement found."""

    seconds: float
    """Per inner step."""
    peak: int
    """Bytes beyond what the process held before."""


def measure_once(case: Case) -> Cost:
    """One measurement, in this process."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    _steps(case, 2)  # Libraries load, and allocate, at their first use.
    before = start_peak(case.device)
    started = time.perf_counter()
    _steps(case, case.size)
    seconds = time.perf_counter() - started
    return Cost(seconds / _STEPS, max(0, peak_bytes(case.device) - before))


def _steps(case: Case, size: int) -> None:
    """``_STEPS`` inner steps, and their meta-gradient in meta-training."""
    optimizer = SOLVERS[case.solver]()
    training = case.phase == "meta-training"
    x0 = torch.randn(BATCH[case.phase], size, device=case.device, requires_grad=training)
    if isinstance(optimizer, LSR1):
        optimizer.to(case.device).train(training)
    with torch.set_grad_enabled(training):
        path = unroll(optimizer, DiagonalQuadratic(100.0), x0, _STEPS)
        if training:
            path.values[1:].mean().backward()
    if case.device == "cuda":
        torch.cuda.synchronize()
