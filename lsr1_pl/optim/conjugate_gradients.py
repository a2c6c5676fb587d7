"""Conjugate gradients on a batch of linear systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Solved(NamedTuple):
    """What conjugate gradients found for B systems."""

    x: Tensor
    """(B, N)."""
    error: Tensor
    """(B,) |b - A x| over |b|; 0 where b is."""
    products: int
    """How many products with A it took."""


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], b: Tensor, tolerance: float, most: int
) -> Solved:
    """x (B, N) with ``|b - A x| <= tolerance |b|``, for A symmetric and positive.

    A problem ends early where a direction has no positive curvature.

    Args:
        product: v (B, N) -> A v (B, N), row by row.
        b: (B, N).
        tolerance: >= 0.
        most: how many products at most.
    """
    x, left, along = torch.zeros_like(b), b, b
    square = whole = b.square().sum(dim=1)
    going = square > 0
    products = 0
    while products < most and bool(going.any()):
        image = product(along)
        products += 1
        curvature = (along * image).sum(dim=1)
        going = going & (curvature > 0)
        length = torch.where(going, square / torch.where(going, curvature, 1), 0).unsqueeze(1)
        x, left = x + length * along, left - length * image
        later = left.square().sum(dim=1)
        along = left + (later / torch.where(going, square, 1)).unsqueeze(1) * along
        square = torch.where(going, later, square)
        going = going & (square > tolerance**2 * whole)
    return Solved(x, (square / torch.where(whole > 0, whole, 1)).sqrt(), products)
