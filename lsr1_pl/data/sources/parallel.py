"""Readers of many files, over the machine's cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from lsr1_pl.ground.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

_WORTH_A_PROCESS = 8
"""Items a process: with fewer, starting it takes longer than reading them."""


def in_parallel(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int | None = None
) -> Iterator[Result]:
    """``function`` of each item, in the items' order, by several processes.

    Args:
        function: importable by name, as its items and results are sent between processes.
        items: what it is applied to.
        workers: processes; 1 works in this one; one a core if None, fewer where there is little.

    Raises:
        UserError: ``workers`` is below 1.
    """
    if workers is not None and workers < 1:
        raise UserError(f"workers is {workers}; it must be at least 1")
    count = workers or min(os.cpu_count() or 1, max(1, len(items) // _WORTH_A_PROCESS))
    if count == 1:
        yield from map(function, items)
        return
    # Spawned: a fork would copy the threads' locks of whatever has run before.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, items)
