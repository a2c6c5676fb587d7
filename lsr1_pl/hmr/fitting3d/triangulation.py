"""Points in space from what several calibrated cameras see."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_ROUNDS = 4
_AGREES = 2.0
"""Tolerances within which a view agrees with a point."""
_MOSTLY = 0.5
"""The share of a view's keypoints that must agree with the others'."""
_NARROW = 1e-6
"""The smallest eigenvalue, in shares of the largest, of rays that fix a point."""


class Rig(NamedTuple):
    """V cameras in space: a point X is at ``rotation X + translation`` in a camera's axes."""

    intrinsics: Tensor
    """(V, 4) fx, fy, cx, cy in pixels."""
    rotation: Tensor
    """(V, 3, 3)."""
    translation: Tensor
    """(V, 3)."""

    @property
    def centres(self) -> Tensor:
        """(V, 3) where the cameras are."""
        return -(self.rotation.mT @ self.translation.unsqueeze(2)).squeeze(2)

    def seen(self, points: Tensor) -> Tensor:
        """Points (..., P, 3) in space -> (..., V, P, 3) in each camera's axes."""
        turned = points.unsqueeze(-3) @ self.rotation.mT
        return turned + self.translation.unsqueeze(-2)

    def project(self, points: Tensor) -> Tensor:
        """Points (..., P, 3) in space -> (..., V, P, 2) pixels."""
        there = self.seen(points)
        focal, centre = self.intrinsics[:, None, :2], self.intrinsics[:, None, 2:]
        return there[..., :2] / there[..., 2:] * focal + centre


class Triangulated(NamedTuple):
    """P points of n people in space."""

    points: Tensor
    """(n, P, 3); 0 where they are not fixed."""
    sure: Tensor
    """(n, P) the mean weight of the two surest views that agree; 0 where fewer than two do, or
    where their rays are nearly one."""
    weights: Tensor
    """(n, V, P) those of the views, 0 where one does not agree with the others, and in all of a
    view that mostly does not."""

    def dissenting(self, weights: Tensor) -> Tensor:
        """(n, V) which views saw a person and do not agree with the others.

        Args:
            weights: (n, V, P) with which the points were triangulated; 0 is not seen.
        """
        return (weights > 0).any(dim=2) & ~(self.weights > 0).any(dim=2)

    def outvoted(self, weights: Tensor) -> Tensor:
        """(n,) of which people no more views agree than dissent.

        Two rays always meet nearly where cameras stand equally high, so two views that agree
        beside two others that do not tell nothing: the cameras may be exchanged.

        Args:
            weights: as in :meth:`dissenting`.
        """
        against = self.dissenting(weights).sum(dim=1)
        return (against > 0) & (against >= (self.weights > 0).any(dim=2).sum(dim=1))


def triangulate(pixels: Tensor, weights: Tensor, rig: Rig, tolerance: Tensor) -> Triangulated:
    """The points nearest to the rays of V views, whichever one view says.

    A point minimises the weighted squared distances from its rays. All views are tried, and all
    but one of them; the trial that leaves the smallest robust error is refined: rays that are off
    by more than the tolerance lose weight.

    Args:
        pixels: (n, V, P, 2).
        weights: (n, V, P), 0 or more; 0 is not seen.
        rig: the cameras.
        tolerance: (n, V) pixels, an error that is usual.
    """
    slopes = (pixels - rig.intrinsics[:, None, 2:]) / rig.intrinsics[:, None, :2]
    rays = torch.cat([slopes, torch.ones_like(slopes[..., :1])], dim=-1) @ rig.rotation
    rays = torch.nn.functional.normalize(rays, dim=-1)
    views = weights.shape[1]
    without = [torch.ones(views, 1)]
    if views > 2:
        without += list((1 - torch.eye(views)).unsqueeze(2))
    best = torch.full_like(weights[:, 0], torch.inf)
    chosen = torch.zeros_like(rays[:, 0])
    for mask in without:
        point, _ = _nearest(rays, weights * mask, rig.centres)
        off = _errors(point, pixels, rig, tolerance)
        cost = (weights * off.square().clamp(max=1.0)).sum(dim=1)
        better = cost < best
        best = torch.where(better, cost, best)
        chosen = torch.where(better.unsqueeze(2), point, chosen)
    fixed = torch.zeros_like(best, dtype=torch.bool)
    for _ in range(_ROUNDS):
        off = _errors(chosen, pixels, rig, tolerance)
        depth = rig.seen(chosen)[..., 2].clamp_min(1e-6)
        # A ray's distance from a point grows with the camera's.
        share = weights / (1 + off.square()).square() / depth.square()
        point, fixed = _nearest(rays, share, rig.centres)
        chosen = torch.where(fixed.unsqueeze(2), point, chosen)
    off = _errors(chosen, pixels, rig, tolerance)
    agreeing = torch.where(off < _AGREES, weights, 0.0)
    surest = agreeing.topk(min(2, views), dim=1).values
    sure = torch.where((surest > 0).all(dim=1) & fixed, surest.mean(dim=1), 0.0)
    known = (sure > 0).unsqueeze(1)
    told = (known & (weights > 0)).sum(dim=2)
    sound = (known & (agreeing > 0)).sum(dim=2) >= _MOSTLY * told
    kept = torch.where(known, agreeing, weights) * sound.unsqueeze(2)
    return Triangulated(torch.where(sure.unsqueeze(2) > 0, chosen, 0.0), sure, kept)


def _nearest(rays: Tensor, weights: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """(n, P, 3) the points nearest to rays (n, V, P, 3), and (n, P) whether these fix them."""
    eye = torch.eye(3, dtype=rays.dtype)
    across = weights[..., None, None] * (eye - rays.unsqueeze(-1) * rays.unsqueeze(-2))
    matrix = across.sum(dim=1)
    right = (across @ centres[:, None, :, None]).sum(dim=1)
    scale = matrix.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    eigenvalues = torch.linalg.eigvalsh(matrix)
    fixed = (eigenvalues[..., 0] > _NARROW * scale) & (scale > 0)
    safe = torch.where(fixed[..., None, None], matrix, eye)
    return torch.linalg.solve(safe, right).squeeze(-1), fixed


def _errors(points: Tensor, pixels: Tensor, rig: Rig, tolerance: Tensor) -> Tensor:
    """(n, V, P) reprojection errors in tolerances; infinite behind a camera."""
    off = (rig.project(points) - pixels).norm(dim=-1) / tolerance.unsqueeze(2)
    before = rig.seen(points)[..., 2] > 0
    return torch.where(before & off.isfinite(), off, torch.inf)
