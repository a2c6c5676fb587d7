"""What a stretch of computing has needed at most."""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


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


def start_peak(device: str) -> int:
    """Forget earlier peaks, as far as the system can; bytes in use now."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5", encoding="ascii")
    return peak_bytes(device)


def peak_bytes(device: str) -> int:
    """Peak memory since :func:`start_peak`: of the GPU's allocator, or resident in the host's."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    if _STATUS.is_file():
        words = _STATUS.read_text(encoding="ascii").split()
        return int(words[words.index("VmHWM:") + 1]) * 1024
    # Without Linux's /proc: the peak since the process began. macOS counts bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
