"""Similarity alignment of point sets (Umeyama, 1991)."""

from __future__ import annotations

import torch
from torch import Tensor


def similarity_align(source: Tensor, target: Tensor) -> Tensor:
    """``source`` moved onto ``target`` by the best rotation, scale and translation of each set.

    Least squares over proper rotations: a reflection is never used. Where the points do not
    determine the rotation (one place, a line, a plane's two sides), one of the best is taken; a
    source without extent becomes the target's centroid. Computed in float64; not meant to be
    differentiated.

    Args:
        source: (B, J, 3), finite.
        target: (B, J, 3), finite, same unit.

    Returns:
        (B, J, 3) of ``source``'s dtype.
    """
    x, y = source.double(), target.double()
    x_mean, y_mean = x.mean(dim=1, keepdim=True), y.mean(dim=1, keepdim=True)
    x, y = x - x_mean, y - y_mean
    U, S, Vh = torch.linalg.svd(x.mT @ y)
    signs = torch.ones_like(S)
    # det(U V^T) < 0 marks a reflection: turning the weakest axis makes it a rotation.
    signs[:, 2] = torch.where(torch.det(U @ Vh) < 0, -1.0, 1.0)
    rotation = (U * signs.unsqueeze(1)) @ Vh
    spread = x.square().sum(dim=(1, 2))
    tiny = torch.finfo(torch.float64).tiny
    scale = torch.where(spread > tiny, (S * signs).sum(dim=1) / spread.clamp_min(tiny), 0.0)
    return (scale.view(-1, 1, 1) * (x @ rotation) + y_mean).to(source.dtype)
