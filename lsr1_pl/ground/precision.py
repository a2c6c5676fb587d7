"""What stays in the precision of its tensors while networks run in a lower one (autocast).

Networks tolerate bfloat16; bodies, objectives, curvature and metrics do not: a step is the small
difference of large numbers. So networks give their outputs back in the precision of the problem,
and whatever else multiplies matrices turns autocast off for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

_Owner = TypeVar("_Owner")
_Rest = ParamSpec("_Rest")
_Result = TypeVar("_Result")


def full_precision(like: Tensor) -> AbstractContextManager[object]:
    """A context without autocast on the device of ``like``."""
    kind = like.device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()


def in_full_precision(
    method: Callable[Concatenate[_Owner, Tensor, _Rest], _Result],
) -> Callable[Concatenate[_Owner, Tensor, _Rest], _Result]:
    """Decorate a method whose first argument is a tensor: it runs without autocast."""

    @wraps(method)
    def run(owner: _Owner, first: Tensor, /, *args: _Rest.args, **kwargs: _Rest.kwargs) -> _Result:
        with full_precision(first):
            return method(owner, first, *args, **kwargs)

    return run


def has_bfloat16_units(device: str) -> bool:
    """Whether ``cpu`` or ``cuda`` multiplies matrices of bfloat16 faster than of float32.

    Of a CPU, only Linux tells.
    """
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    features = Path("/proc/cpuinfo")
    return features.is_file() and "amx_bf16" in features.read_text(encoding="utf-8")
