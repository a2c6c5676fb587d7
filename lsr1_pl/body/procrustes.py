"""Similarity alignment of point sets (Umeyama, 1991)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Similarity(NamedTuple):
    """A rotation, a scale and a translation for each of B point sets."""

    rotation: Tensor
    """(B, 3, 3), of which rows of points are multiplied from the left."""
    scale: Tensor
    """(B, 1, 1)."""
    centre: Tensor
    """(B, 1, 3) what is subtracted first."""
    moved: Tensor
    """(B, 1, 3) where that centre goes."""

    def __call__(self, points: Tensor) -> Tensor:
        """(B, J, 3) points, moved; a gradient flows to the points alone, in their precision."""
        rotation, scale, centre, moved = (part.to(points.dtype) for part in self)
        return scale * ((points - centre) @ rotation) + moved


@torch.no_grad()
def best_similarity(source: Tensor, target: Tensor) -> Similarity:
    """The similarity that moves ``source`` nearest to ``target``, of each of B sets, in float64.

    Least squares over proper rotations: a reflection is never used. Where the points do not
    determine the rotation (one place, a line, a plane's two sides), one of the best is taken; a
    source without extent becomes the target's centroid. A set with a number that is not finite, or
    too large to be squared, gets a similarity of NaN, and the others theirs. It is a constant to
    any gradient.

    Args:
        source: (B, J, 3).
        target: (B, J, 3), same unit.
    """
    x, y = source.double(), target.double()
    x_mean, y_mean = x.mean(dim=1, keepdim=True), y.mean(dim=1, keepdim=True)
    x, y = x - x_mean, y - y_mean
    products = x.mT @ y
    spread = x.square().sum(dim=(1, 2))
    # The decomposition fails for all sets if one of them is not finite.
    finite = products.isfinite().all(dim=(1, 2)) & spread.isfinite()
    U, S, Vh = torch.linalg.svd(products.where(finite[:, None, None], 0.0))
    signs = torch.ones_like(S)
    # det(U V^T) < 0 marks a reflection: turning the weakest axis makes it a rotation.
    signs[:, 2] = torch.where(torch.det(U @ Vh) < 0, -1.0, 1.0)
    rotation = (U * signs.unsqueeze(1)) @ Vh
    tiny = torch.finfo(torch.float64).tiny
    scale = torch.where(spread > tiny, (S * signs).sum(dim=1) / spread.clamp_min(tiny), 0.0)
    scale = scale.where(finite, torch.nan)
    return Similarity(rotation, scale.view(-1, 1, 1), x_mean, y_mean)


def similarity_align(source: Tensor, target: Tensor) -> Tensor:
    """``source`` moved onto ``target`` by :func:`best_similarity`, (B, J, 3) of its dtype."""
    return best_similarity(source, target)(source.double()).to(source.dtype)
