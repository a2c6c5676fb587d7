"""Where a fit to joints in space begins: the torso by Procrustes, the limbs along their bones."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.body.skeleton import PARENTS, SMPL_JOINTS
from lsr1_pl.hmr.fitting3d.skeleton import PointSkeleton
from lsr1_pl.hmr.fitting3d.state import Placed


class Limb(NamedTuple):
    """Three joints in a row, and the axis about which the middle one bends in the rest pose."""

    joints: tuple[str, str, str]
    hinge: tuple[float, float, float]


_LIMBS = (
    Limb(("left_hip", "left_knee", "left_ankle"), (1.0, 0.0, 0.0)),
    Limb(("right_hip", "right_knee", "right_ankle"), (1.0, 0.0, 0.0)),
    Limb(("left_shoulder", "left_elbow", "left_wrist"), (0.0, -1.0, 0.0)),
    Limb(("right_shoulder", "right_elbow", "right_wrist"), (0.0, 1.0, 0.0)),
)
_LEAST_TORSO = 3
"""Points of the torso that fix how a body is turned."""

_BENT = 0.3
"""Sine of a limb's bend from which on its plane tells how the limb is twisted."""


def standing(
    skeleton: PointSkeleton, mean: Tensor, joints: Tensor, weights: Tensor, scale: Tensor
) -> Placed:
    """Where people stand: their torsos', or of people without one their whole bodies' Procrustes.

    Args:
        skeleton: the points.
        mean: (72,) the pose that is compared, in radians.
        joints: (B, P, 3).
        weights: (B, P), 0 is missing.
        scale: (B,) how many of the joints' unit are a metre.
    """
    torso = torch.zeros_like(weights)
    torso[:, skeleton.torso] = 1.0
    torso = torso * weights
    whole = (torso > 0).sum(dim=1, keepdim=True) >= _LEAST_TORSO
    return _procrustes(skeleton.posed(mean), joints, torch.where(whole, torso, weights), scale)


def _procrustes(points: Tensor, joints: Tensor, weights: Tensor, scale: Tensor) -> Placed:
    """The rotation and place by which points of a body lie nearest to joints in space.

    Args:
        points: (P, 3) metres, in the body's axes.
        joints: (B, P, 3).
        weights: (B, P), 0 or more.
        scale: (B,) of the joints' unit.
    """
    share = (weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-9)).double().unsqueeze(2)
    # In double precision: people may be far from the origin of their axes.
    here, there = points.double().expand_as(joints), joints.double()
    middle, goal = (share * here).sum(dim=1), (share * there).sum(dim=1)
    product = (share * (there - goal.unsqueeze(1))).mT @ (here - middle.unsqueeze(1))
    U, _, Vh = torch.linalg.svd(product)
    # det(U V^T) < 0 marks a reflection: turning the weakest axis makes it a rotation.
    signs = torch.ones_like(goal)
    signs[:, 2] = torch.where(torch.det(U @ Vh) < 0, -1.0, 1.0)
    turn = (U * signs.unsqueeze(1)) @ Vh
    place = goal - scale.double().unsqueeze(1) * (turn @ middle.unsqueeze(2)).squeeze(2)
    return Placed(turn.to(joints.dtype), place.to(joints.dtype), scale)


def aligned_pose(skeleton: PointSkeleton, mean: Tensor, joints: Tensor, weights: Tensor) -> Tensor:
    """Poses (B, 72) whose limbs point where the joints are; all else as in the mean pose.

    A bent limb's plane gives its twist: knees bend backwards and elbows forwards. A straight limb
    takes the shortest turn from the mean pose.

    Args:
        skeleton: the points.
        mean: (72,) radians.
        joints: (B, P, 3) in the bodies' axes.
        weights: (B, P), 0 is missing.
    """
    rest = skeleton.body.rest_joints(mean.new_zeros(1, skeleton.body.num_betas))[0]
    local = rotation_matrix(mean.view(-1, 3)).repeat(len(joints), 1, 1, 1)
    for limb in _LIMBS:
        if all(name in skeleton.rows for name in limb.joints[:2]):
            _align(limb, skeleton.rows, rest, joints, weights, local)
    return axis_angle(local).flatten(1)


def _align(
    limb: Limb,
    rows: dict[str, int],
    rest: Tensor,
    joints: Tensor,
    weights: Tensor,
    local: Tensor,
) -> None:
    """Set the rotations of a limb's two upper joints in ``local`` (B, 24, 3, 3)."""
    upper, middle, lower = (SMPL_JOINTS.index(name) for name in limb.joints)
    first, second = rows[limb.joints[0]], rows[limb.joints[1]]
    third = rows.get(limb.joints[2], second)
    whole = (weights[:, first] > 0) & (weights[:, second] > 0)
    ended = whole & (weights[:, third] > 0) & (third != second)
    above = _world(PARENTS[upper], local)
    thigh_rest, shin_rest = _unit(rest[middle] - rest[upper]), _unit(rest[lower] - rest[middle])
    thigh = _unit(joints[:, second] - joints[:, first])
    shin = _unit(joints[:, third] - joints[:, second])
    usual = above @ local[:, upper]
    swing = _shortest(_applied(usual, thigh_rest), thigh) @ usual
    normal = torch.linalg.cross(thigh, shin)
    hinge = torch.tensor(limb.hinge, dtype=rest.dtype)
    twisted = _frame(thigh, normal) @ _frame(thigh_rest[None], hinge[None]).mT
    upper_turn = _chosen(ended & (normal.norm(dim=1) > _BENT), twisted, swing)
    lower_turn = _shortest(_applied(upper_turn, shin_rest), shin) @ upper_turn
    local[:, upper] = _chosen(whole, above.mT @ upper_turn, local[:, upper])
    local[:, middle] = _chosen(ended, upper_turn.mT @ lower_turn, local[:, middle])


def _world(joint: int, local: Tensor) -> Tensor:
    """(B, 3, 3) the rotation of a joint in the body's axes."""
    turn = local[:, joint]
    while PARENTS[joint] >= 0:
        joint = PARENTS[joint]
        turn = local[:, joint] @ turn
    return turn


def _applied(turn: Tensor, vector: Tensor) -> Tensor:
    """(B, 3, 3) rotations of one vector (3,)."""
    return (turn @ vector.unsqueeze(1)).squeeze(2)


def _unit(vector: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vector, dim=-1)


def _frame(along: Tensor, normal: Tensor) -> Tensor:
    """(B, 3, 3) axes: along, what is nearest to the normal, and their cross product."""
    second = _unit(normal - (normal * along).sum(dim=1, keepdim=True) * along)
    return torch.stack([along, second, torch.linalg.cross(along, second)], dim=2)


def _shortest(source: Tensor, target: Tensor) -> Tensor:
    """(B, 3, 3) the shortest rotations of unit vectors (B, 3) onto others."""
    axis = torch.linalg.cross(source, target)
    sine = axis.norm(dim=1, keepdim=True)
    angle = torch.atan2(sine, (source * target).sum(dim=1, keepdim=True))
    return rotation_matrix(axis / sine.clamp_min(1e-9) * angle)


def _chosen(mask: Tensor, one: Tensor, other: Tensor) -> Tensor:
    return torch.where(mask.view(-1, 1, 1), one, other)
