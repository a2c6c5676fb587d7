"""Solvers on problems, measured: values, distances, gradients and seconds at each step."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim import LSR1, BatchedOptimizer, unroll
from lsr1_pl.pretrained import load_optimizer


@dataclass(frozen=True)
class Run:
    """One solver on B problems, K steps."""

    iterates: Tensor
    """(K + 1, B, N)."""
    values: Tensor
    """(K + 1, B)."""
    directions: Tensor
    """(K, B, N): step k goes along ``-d_k``."""
    evaluations: Tensor
    """(K + 1, B) gradients and Hessian-vector products so far."""
    seconds: Tensor
    """(K + 1,) wall time so far, of the whole batch."""


class _Timed(BatchedOptimizer):
    """An optimiser whose start and steps are noted in time."""

    def __init__(self, optimizer: BatchedOptimizer) -> None:
        self._optimizer = optimizer
        self._started = time.perf_counter()
        self.seconds: list[float] = []

    def init(self, x: Tensor, evaluation: Evaluation) -> Any:
        return self._noted(self._optimizer.init(x, evaluation))

    def step(self, state: Any, objective: Objective) -> Any:
        return self._noted(self._optimizer.step(state, objective))

    def _noted(self, state: Any) -> Any:
        self.seconds.append(time.perf_counter() - self._started)
        return state


def solve(optimizer: BatchedOptimizer, objective: Objective, x0: Tensor, steps: int) -> Run:
    """``steps`` steps from ``x0`` (B, N), timed. What is not finite stays so, and is counted."""
    timed = _Timed(optimizer)
    with torch.no_grad():
        path = unroll(timed, objective, x0, steps)
    seconds = torch.tensor(timed.seconds)
    return Run(path.iterates, path.values, path.directions, path.evaluations, seconds)


def trained(name_or_path: str | Path, buffer_size: int) -> LSR1:
    """A trained L-SR1 with the buffer size of a test."""
    return load_optimizer(name_or_path).with_buffer_size(buffer_size).eval()
