"""Bodies fitted to joints in space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.hmr.fitting.prediction import (
    DIVERGED,
    FITTED,
    LEAST_KEYPOINTS,
    POOR,
    TOO_FEW_KEYPOINTS,
)
from lsr1_pl.hmr.fitting3d.noise import exact_weight, prior_weight
from lsr1_pl.hmr.fitting3d.objective import JointObjective, RobustObjective
from lsr1_pl.hmr.fitting3d.prior import MotionPrior, open_motion_prior
from lsr1_pl.hmr.fitting3d.skeleton import PointSkeleton
from lsr1_pl.hmr.fitting3d.start import aligned_pose, standing
from lsr1_pl.hmr.fitting3d.state import Placed, SpaceState, state_of
from lsr1_pl.optim import BatchedOptimizer, InMetric, PairLSR1, Tolerance, minimize_batch

POOR_DISTANCE = 0.06
"""Metres: from which mean distance from its joints on a fit is poor."""


class JointFits(NamedTuple):
    """n bodies in space: a point p of a posed body is at ``scale * p + translation``."""

    pose: Tensor
    """(n, 72) axis-angle in radians, root first, in the axes of the joints."""
    betas: Tensor
    """(n, num_betas)."""
    translation: Tensor
    """(n, 3) in the joints' unit."""
    scale: Tensor
    """(n,) how many of the joints' unit are a metre of the body; 1 where the scale is fixed."""
    points: Tensor
    """(n, P, 3) the fitted points, in the joints' axes and unit."""
    objective: Tensor
    """(n,) what was minimised, in square metres."""


@dataclass(frozen=True)
class JointFitter:
    """Fits pose, betas and place to joints in space.

    A first fit has a weak prior. What it leaves over tells how sure the joints are, and a second
    one goes on from there with a prior that is as strong as that asks for.

    Args:
        optimizer: how it steps, in coordinates in which bodies vary by about one.
        steps: of the first fit, at most.
        more_steps: of the second, at most.
        motion: how people usually stand and move.
        tolerance: when a fit has converged.
    """

    optimizer: BatchedOptimizer = field(default_factory=PairLSR1)
    steps: int = 40
    more_steps: int = 25
    motion: MotionPrior = field(default_factory=open_motion_prior)
    tolerance: Tolerance = field(default_factory=lambda: Tolerance(1e-4))

    @torch.no_grad()
    def fit(
        self,
        skeleton: PointSkeleton,
        joints: Tensor,
        weights: Tensor,
        *,
        free_scale: bool = False,
    ) -> JointFits:
        """The fits of B people.

        Args:
            skeleton: which points of which body the joints are.
            joints: (B, P, 3) in metres, or in any unit if the scale is free; what is missing may
                be anything. Translation and points of the fits have its precision.
            weights: (B, P) in [0, 1]; 0 is missing.
            free_scale: whether each person has a scale of their own.
        """
        weights = weights.to(self.motion.mean)
        joints = torch.where(weights.unsqueeze(2) > 0, joints, 0.0)
        scale = torch.ones_like(joints[:, 0, 0])
        if free_scale:
            ratio = skeleton.length_ratio(joints, weights)
            scale = torch.where(ratio.isfinite() & (ratio > 0), ratio, scale)
        stand = standing(skeleton, self.motion.mean_pose, joints, weights, scale)
        near = torch.where(weights.unsqueeze(2) > 0, stand.to_body(joints), 0.0).to(weights)
        pose = aligned_pose(skeleton, self.motion.mean_pose, near, weights)

        def objective(prior_weight: Tensor) -> RobustObjective:
            return JointObjective(
                skeleton.points_of,
                near,
                weights,
                self.motion,
                prior_weight,
                free_scale=free_scale,
            )

        betas = pose.new_zeros(len(pose), skeleton.body.num_betas)
        place, log_scale = pose.new_zeros(len(pose), 3), pose.new_zeros(len(pose), 1)
        start = SpaceState(pose, betas, place, log_scale)
        return self.twice(objective, 3, start, stand, skeleton)

    def twice(
        self,
        objective: Callable[[Tensor], RobustObjective],
        dimensions: int,
        start: SpaceState,
        stand: Placed,
        skeleton: PointSkeleton,
    ) -> JointFits:
        """Both fits of B people from ``start``.

        Args:
            objective: of a prior's weights (B,), in the people's axes.
            dimensions: of its residuals, 2 or 3.
            start: in the people's axes.
            stand: where these are in space.
            skeleton: whose body is fitted.
        """
        optimizer = InMetric(self.optimizer, self.motion.metric(skeleton.body.num_betas))
        first = objective(exact_weight(start.pose))
        x = minimize_batch(optimizer, first, start.joined(), self.steps, self.tolerance).x
        weight = prior_weight(first.median_square(x), first.seen, dimensions)
        found = minimize_batch(optimizer, objective(weight), x, self.more_steps, self.tolerance)
        return _in_space(state_of(found.x), stand, skeleton, found.evaluation.value)


def _in_space(
    state: SpaceState, stand: Placed, skeleton: PointSkeleton, objective: Tensor
) -> JointFits:
    """Bodies in their own axes, in those of space.

    A body's root turns about the pelvis, which is not at the body's origin.
    """
    like = stand.place
    pelvis = skeleton.body.rest_joints(state.betas)[:, :1]
    points = state.moved(skeleton.points_of(state.pose, state.betas))
    scale = stand.scale * state.log_scale[:, 0].exp().to(like)
    root = axis_angle(stand.turn @ rotation_matrix(state.pose[:, :3].to(like)))
    there = stand.to_space(state.moved(pelvis).to(like))
    return JointFits(
        torch.cat([root.to(state.pose), state.pose[:, 3:]], dim=1),
        state.betas,
        (there - scale.view(-1, 1, 1) * pelvis)[:, 0],
        scale,
        stand.to_space(points.to(like)),
        objective,
    )


def distances(fits: JointFits, joints: Tensor) -> Tensor:
    """(n, P) how far the fitted points are from joints (n, P, 3), in metres of the body."""
    return (fits.points - joints).norm(dim=2) / fits.scale.unsqueeze(1)


def joined(parts: Sequence[JointFits]) -> JointFits:
    """The fits of all parts, in their order."""
    return JointFits(*(torch.cat(field) for field in zip(*parts, strict=True)))


def mean_error(distance: Tensor, weights: Tensor) -> Tensor:
    """(n,) the mean of distances (n, P) by weight; 0 where nothing is there."""
    return (weights * distance).sum(dim=1) / weights.sum(dim=1).clamp_min(1e-6)


def space_status(error: Tensor, seen: Tensor, sound: Tensor) -> Tensor:
    """The status (n,) of fits in space, as of those to images.

    Args:
        error: (n,) metres, a mean distance.
        seen: (n,) how many joints there are.
        sound: (n,) bool: whether the fit is finite.
    """
    status = torch.where(error < POOR_DISTANCE, FITTED, POOR)
    status = torch.where(sound, status, DIVERGED)
    return torch.where(seen < LEAST_KEYPOINTS, TOO_FEW_KEYPOINTS, status)
