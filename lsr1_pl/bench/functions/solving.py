"""Solvers on problems, measured: values, distances, gradients and seconds at each step."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lsr1_pl.ground.types import Objective
from lsr1_pl.optim import LSR1, BatchedOptimizer
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


def solve(optimizer: BatchedOptimizer, objective: Objective, x0: Tensor, steps: int) -> Run:
    """``steps`` steps from ``x0`` (B, N), timed. What is not finite stays so, and is counted."""
    started = time.perf_counter()
    with torch.no_grad():
        state = optimizer.init(x0, objective.evaluate(x0))
        iterates, values, directions = [state.iterate], [state.evaluation.value], []
        evaluations = [torch.ones(len(x0), dtype=torch.long)]
        seconds = [time.perf_counter() - started]
        for _ in range(steps):
            state = optimizer.step(state, objective)
            iterates.append(state.iterate)
            values.append(state.evaluation.value)
            directions.append(state.direction)
            taken = 1 if state.evaluations is None else state.evaluations
            evaluations.append(evaluations[-1] + taken)
            seconds.append(time.perf_counter() - started)
    return Run(
        torch.stack(iterates),
        torch.stack(values),
        torch.stack(directions),
        torch.stack(evaluations),
        torch.tensor(seconds),
    )


def trained(name_or_path: str | Path, buffer_size: int) -> LSR1:
    """A trained L-SR1 with the buffer size of a test."""
    return load_optimizer(name_or_path).with_buffer_size(buffer_size).eval()
