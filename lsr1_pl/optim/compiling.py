"""``torch.compile`` as an option of learned optimisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch

from lsr1_pl.ground.errors import UserError

CompileMode = Literal["reduce-overhead", "max-autotune"]
"""Modes of ``torch.compile`` beside its default: on a GPU both replay a step as CUDA graphs, and
``max-autotune`` also times several kernels for every product."""


def compiled_or_none(
    function: Callable[..., Any], compiled: bool | CompileMode
) -> Callable[..., Any] | None:
    """``function`` through ``torch.compile``, in a mode if one is named; None where it is off.

    Raises:
        UserError: there is no such mode.
    """
    if isinstance(compiled, bool):
        return torch.compile(function) if compiled else None
    if compiled not in get_args(CompileMode):
        raise UserError(
            f"LSR1 compiled is {compiled!r}; take true, false, {' or '.join(get_args(CompileMode))}"
        )
    return torch.compile(function, mode=compiled)
