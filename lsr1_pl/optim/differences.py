"""Hessian-vector products of functions that give nothing but their gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation


def product_by_differences(
    evaluate: Callable[[Tensor], Evaluation],
    x: Tensor,
    v: Tensor,
    inside: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """``H(x) v`` (B, N) by the central difference of two gradients; 0 where v is 0.

    With ``inside`` both are taken at points that it makes of theirs, and the product is less exact.
    """
    length = v.norm(dim=1, keepdim=True)
    sound = length > 0
    size = 1 + x.norm(dim=1, keepdim=True)
    h = torch.finfo(x.dtype).eps ** (1 / 3) * size / torch.where(sound, length, 1)
    above, below = x + h * v, x - h * v
    if inside is not None:
        above, below = inside(above), inside(below)
    change = evaluate(above).gradient - evaluate(below).gradient
    width = ((above - below) * v).sum(dim=1, keepdim=True) / length.square()
    sound = sound & (width > 0)
    return torch.where(sound, change / torch.where(sound, width, 1), 0)
