"""Costs of several cases, each in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from typing import TypeVar

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
