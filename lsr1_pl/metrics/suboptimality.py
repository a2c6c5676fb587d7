"""How far from the least value a point is, whatever the scale of the function."""

from __future__ import annotations

import torch
from torch import Tensor

SUBOPTIMALITY = "median relative suboptimality"
"""How tables and figures call the median over problems of ``(f - f*) / (f_0 - f*)``."""


def log_suboptimality(values: Tensor, least: Tensor, start: Tensor, floor: float) -> Tensor:
    """The natural logarithm of ``(f - f*) / (f_0 - f*) + floor``, shaped as ``values``.

    The fraction is 0 where it would be below, and where the start is the minimiser.

    Args:
        values: (..., B) f.
        least: (B,) f*.
        start: (B,) f_0.
        floor: above 0.
    """
    span = start - least
    sound = span > 0
    relative = (values - least) / torch.where(sound, span, torch.ones_like(span))
    relative = torch.where(sound, relative, torch.zeros_like(relative)).clamp_min(0)
    return (relative + floor).log()
