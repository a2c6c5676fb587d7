"""How costs are measured: of several cases in rounds, and of one call."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from lsr1_pl.ground.errors import UserError

Case = TypeVar("Case")
Cost = TypeVar("Cost")


def in_rounds(
    measure: Callable[[Case], Cost], cases: Sequence[Case], repeats: int
) -> dict[Case, list[Cost]]:
    """``measure`` of each case, ``repeats`` times, each in a process of its own.

    A round measures every case once, so that a busy spell of the machine hits all alike.
    """
    costs: dict[Case, list[Cost]] = {case: [] for case in cases}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([measure.__module__])
    with context.Pool(1, maxtasksperchild=1) as pool:
        for _ in range(repeats):
            for case, cost in zip(cases, pool.map(measure, cases, chunksize=1), strict=True):
                costs[case].append(cost)
    return costs


def seconds_of(call: Callable[[], object], device: str, least: float = 0.1) -> float:
    """The time of one call; short ones are repeated for ``least`` seconds."""
    count, spent = 0, 0.0
    if device == "cuda":
        torch.cuda.synchronize()
    while spent < least:
        started = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        spent += time.perf_counter() - started
        count += 1
    return spent / count


def check_device(device: str) -> None:
    """Raises a UserError where ``--device cuda`` is asked for and there is none."""
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch sees no CUDA device; use --device cpu")
