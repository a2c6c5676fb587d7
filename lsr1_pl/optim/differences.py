"""Hessian-vector products of functions that give nothing but their gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation


def product_by_differences(
    evaluate: Callable[[Tensor], Evaluation], x: Tensor, v: Tensor
) -> Tensor:
    """``H(x) v`` (B, N) by the central difference of two gradients; 0 where v is 0."""
    length = v.norm(dim=1, keepdim=True)
    sound = length > 0
    size = 1 + x.norm(dim=1, keepdim=True)
    h = torch.finfo(x.dtype).eps ** (1 / 3) * size / torch.where(sound, length, 1)
    ahead, behind = evaluate(x + h * v).gradient, evaluate(x - h * v).gradient
    return torch.where(sound, (ahead - behind) / (2 * h), 0)
