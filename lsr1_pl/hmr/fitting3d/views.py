"""People fitted to their keypoints in several calibrated views."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.body.camera import keypoint_box
from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.hmr.fitting3d.fitter import JointFits, JointFitter
from lsr1_pl.hmr.fitting3d.objective import PointsOf, RobustObjective
from lsr1_pl.hmr.fitting3d.prior import MotionPrior
from lsr1_pl.hmr.fitting3d.skeleton import PointSkeleton
from lsr1_pl.hmr.fitting3d.state import Placed, SpaceState
from lsr1_pl.hmr.fitting3d.triangulation import Rig, Triangulated, triangulate

_USUAL_ERROR = 0.04
"""Of a keypoint, in sides of the person's box in its view."""
_NEAREST = 0.1
"""Metres: what is nearer to a camera, or behind it, is projected from there."""


class ViewsObjective(RobustObjective):
    """The residuals are the reprojection errors of all views, in metres at the person.

    Args:
        points_of: the body's points.
        slopes: (B, V, P, 2) x / z and y / z of the keypoints' rays in their cameras' axes.
        weights: (B, V, P), 0 or more; 0 is not seen.
        rotation: (B, V, 3, 3) from each person's axes to the cameras'.
        translation: (B, V, 3) metres.
        prior: of pose and betas.
        prior_weight: (B,) square metres.
    """

    def __init__(
        self,
        points_of: PointsOf,
        slopes: Tensor,
        weights: Tensor,
        rotation: Tensor,
        translation: Tensor,
        prior: MotionPrior,
        prior_weight: Tensor,
    ) -> None:
        super().__init__(points_of, weights.flatten(1), prior, prior_weight)
        self._slopes = slopes
        self._rotation = rotation
        self._translation = translation
        self._depth = translation[..., 2].clamp_min(_NEAREST).view(*weights.shape[:2], 1, 1)

    def squares(self, state: SpaceState) -> Tensor:
        """(B, V * P) squared errors."""
        state = state._replace(log_scale=torch.zeros_like(state.log_scale))
        points = state.moved(self.points_of(state.pose, state.betas))
        there = points.unsqueeze(1) @ self._rotation.mT + self._translation.unsqueeze(2)
        slopes = there[..., :2] / there[..., 2:].clamp_min(_NEAREST)
        off = (slopes - self._slopes) * self._depth
        return off.square().sum(dim=3).flatten(1)


def box_sides(pixels: Tensor, weights: Tensor) -> Tensor:
    """(n, V) the larger side of the box of a person's keypoints in each view, 1 pixel at least."""
    flat, seen = pixels.flatten(0, 1), weights.flatten(0, 1)
    _, size = keypoint_box(flat, seen)
    sides = torch.where(size.isfinite(), size, 1.0).clamp_min(1.0)
    return sides.view(weights.shape[:2])


def triangulated(pixels: Tensor, weights: Tensor, rig: Rig) -> Triangulated:
    """The people's keypoints in space, from pixels (n, V, P, 2) and weights (n, V, P)."""
    first = triangulate(pixels, weights, rig, _USUAL_ERROR * box_sides(pixels, weights))
    # Views that mostly do not agree are gone now, and pull at no point.
    sound = weights * (first.weights > 0).any(dim=2, keepdim=True)
    return triangulate(pixels, sound, rig, _USUAL_ERROR * box_sides(pixels, sound))


@torch.no_grad()
def fit_views(
    fitter: JointFitter,
    skeleton: PointSkeleton,
    pixels: Tensor,
    rig: Rig,
    start: Triangulated,
) -> JointFits:
    """People fitted to triangulated joints, then to all views' keypoints at once.

    Args:
        fitter: of both fits.
        skeleton: which points of which body the keypoints are.
        pixels: (n, V, P, 2).
        rig: the cameras, in metres.
        start: the keypoints in space, in metres, and which views agree.
    """
    first = fitter.fit(skeleton, start.points, start.sure)
    turn = rotation_matrix(first.pose[:, :3].to(pixels))
    pelvis = skeleton.body.rest_joints(first.betas)[:, 0]
    stand = Placed(turn, first.translation + pelvis, first.scale)
    rotation = rig.rotation @ turn.unsqueeze(1)
    translation = rig.seen(stand.place.unsqueeze(1))[:, :, 0]
    slopes = (pixels - rig.intrinsics[:, None, 2:]) / rig.intrinsics[:, None, :2]
    like = first.pose

    def objective(prior_weight: Tensor) -> RobustObjective:
        return ViewsObjective(
            skeleton.points_of,
            slopes.to(like),
            start.weights.to(like),
            rotation.to(like),
            translation.to(like),
            fitter.motion,
            prior_weight,
        )

    pose = torch.cat([torch.zeros_like(like[:, :3]), like[:, 3:]], dim=1)
    here = SpaceState(pose, first.betas, -pelvis, torch.zeros_like(pelvis[:, :1]))
    return fitter.twice(objective, 2, here, stand, skeleton)
