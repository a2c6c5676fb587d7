"""Peak memory of this process, or of its GPU."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


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
