"""The outer loss of LGD, which L-SR1 keeps (Eq. 13 without the secant term)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.body import PinholeCamera
from lsr1_pl.body.procrustes import best_similarity
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.ground.constants import constant
from lsr1_pl.ground.precision import full_precision
from lsr1_pl.hmr.observation import observe
from lsr1_pl.hmr.reprojection import JointsOf
from lsr1_pl.hmr.variables import split_variables

EVALUATED_KEYPOINTS = 14
"""On synthetic views, PA-MPJPE is taken on the first 14 of the 18 keypoints: nose, neck and the
limbs' twelve."""

_WEIGHT_BY_PART = {
    "wrist": 8.0,
    "ankle": 8.0,
    "elbow": 4.0,
    "knee": 4.0,
    "shoulder": 2.0,
    "hip": 2.0,
}


class LossWeights(NamedTuple):
    """Factors of the loss' terms; the first four as LGD sets them."""

    keypoints: float = 0.3
    joints: float = 0.3
    pose: float = 1.0
    betas: float = 1.0
    joints_of_before: bool = False
    """Whether a state after the start pays for the keypoints and joints of the state before it, as
    constants, as in the authors' published code: both then teach the start alone."""
    aligned: float = 0.0
    """Of :func:`aligned_distance`, which LGD's loss does not have."""


class BodyState(NamedTuple):
    """What the loss compares, of S states (any number of steps times people)."""

    keypoints: Tensor
    """(S, 18, 2) normalised."""
    joints: Tensor
    """(S, 18, 3) in metres."""
    pose: Tensor
    """(S, 72) in radians."""
    betas: Tensor
    """(S, num_betas)."""


def keypoint_weights(like: Tensor) -> Tensor:
    """(18,) LGD's joint weights: wrists and ankles 8, elbows and knees 4, shoulders and hips 2."""
    weights = [
        next((w for part, w in _WEIGHT_BY_PART.items() if name.endswith(part)), 1.0)
        for name in COCO18
    ]
    return constant(weights, like)


def aligned_distance(joints: Tensor, true: Tensor) -> Tensor:
    """(S, 18, 3) joints and true ones -> (S,): PA-MPJPE in metres, over the 14 evaluated keypoints.

    The alignment is a constant to the gradient.
    """
    joints, true = (each[:, :EVALUATED_KEYPOINTS] for each in (joints, true))
    with full_precision(joints):
        return (best_similarity(joints, true)(joints) - true).norm(dim=2).mean(dim=1)


def outer_loss(predicted: BodyState, target: BodyState, weights: LossWeights) -> Tensor:
    """(S,): weighted mean absolute errors of 2D and 3D joints, pose and betas.

    Invisible keypoints stand at 0.5 in prediction and target alike and so cost nothing.
    """
    per_joint = keypoint_weights(predicted.joints).unsqueeze(1)
    keypoints = (per_joint * (predicted.keypoints - target.keypoints).abs()).mean(dim=(1, 2))
    joints = (per_joint * (predicted.joints - target.joints).abs()).mean(dim=(1, 2))
    pose = (predicted.pose - target.pose).abs().mean(dim=1)
    betas = (predicted.betas - target.betas).abs().mean(dim=1)
    loss = (
        weights.keypoints * keypoints
        + weights.joints * joints
        + weights.pose * pose
        + weights.betas * betas
    )
    if not weights.aligned:
        return loss
    return loss + weights.aligned * aligned_distance(predicted.joints, target.joints)


def trajectory_loss(
    iterates: Tensor,
    target: BodyState,
    visibility: Tensor,
    joints_of: JointsOf,
    camera: PinholeCamera,
    weights: LossWeights,
) -> Tensor:
    """(S, B, N) states of B people -> (S, B) outer losses, through one call of the body.

    ``target`` and ``visibility`` (B, 18) are of the B people; ``joints_of`` and ``camera`` make
    a state's keypoints.
    """
    states = iterates.shape[0]
    pose, betas = split_variables(iterates.flatten(0, 1))
    if weights.joints_of_before:
        posed = torch.cat([iterates[:1], iterates[:-1].detach()])
        joints = joints_of(*split_variables(posed.flatten(0, 1)))
    else:
        joints = joints_of(pose, betas)
    seen = observe(joints, visibility.repeat(states, 1), camera)
    predicted = BodyState(seen.keypoints, joints, pose, betas)
    repeated = BodyState(*(t.repeat(states, *[1] * (t.ndim - 1)) for t in target))
    return outer_loss(predicted, repeated, weights).unflatten(0, (states, -1))
