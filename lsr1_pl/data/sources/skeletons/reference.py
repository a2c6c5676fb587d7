"""A skeleton's reference pose: how its joints are turned where SMPL's stand in the T-pose.

The reference is a T-pose that opens the recording, or else the zero pose that the offsets of the
bones make. A zero pose need be no T-pose: arms may hang, and some skeletons have all bones in one
line. What it must tell is the trunk: where up and left are, of its own bones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.sources.bvh import BVH
from lsr1_pl.data.sources.skeletons.joint_map import SIDES, JointMap, Roles
from lsr1_pl.ground.errors import UserError

Floats = NDArray[np.float64]

_SNAP = np.cos(np.radians(25.0))
"""A trunk this near to the file's axes is taken to stand along them."""
_ALIKE = np.cos(np.radians(50.0))
"""Bones this near to SMPL's stand in the reference as they do in the T-pose."""
_STILL = np.radians(0.5)
_T_POSE = np.cos(np.radians(37.0))
_UNITS = {
    "metres": 1.0,
    "centimetres": 0.01,
    "millimetres": 0.001,
    "inches": 0.0254,
    "inches of 0.45": 0.0254 / 0.45,
}
_UNIT_TOLERANCE = 1.35


@dataclass(frozen=True)
class Reference:
    """How the J joints of a skeleton stand in its reference pose."""

    turns: Floats
    """(J, 3, 3) world rotations of the joints."""
    places: Floats
    """(J, 3) world positions."""
    axes: Floats
    """(3, 3) from the file's axes to left, up, front of the body that stands in the reference."""
    is_first_frame: bool

    def direction(self, start: int, end: int) -> Floats:
        """(3,) a bone's direction in left, up, front; zero for a bone without length."""
        return _unit(self.axes @ (self.places[end] - self.places[start]))

    def alike(self, direction: Floats, smpl: Floats) -> bool:
        """Whether a bone points here much as in SMPL's T-pose."""
        return float(direction @ _unit(smpl)) > _ALIKE


def reference_pose(
    recording: BVH, roles: Roles, t_pose_first: bool, turns: Floats, places: Floats
) -> Reference:
    """The reference pose of a recording.

    Args:
        recording: its skeleton.
        roles: which joint is which.
        t_pose_first: whether a T-pose in the first frame may serve.
        turns: (n, J, 3, 3) of :meth:`BVH.world`.
        places: (n, J, 3) of :meth:`BVH.world`.

    Raises:
        UserError: the reference has no trunk to tell up and left from.
    """
    if t_pose_first:
        axes = _body_axes(places[0], roles)
        first = Reference(turns[0], places[0], axes, is_first_frame=True)
        if _is_t_pose(first, roles):
            return first
    zero = recording.zero_pose()
    still = np.tile(np.eye(3), (len(recording.names), 1, 1))
    return Reference(still, zero, _body_axes(zero, roles), is_first_frame=False)


def _body_axes(places: Floats, roles: Roles) -> Floats:
    """(3, 3) rows left, up and front of a standing trunk, along the file's axes where it may be."""
    at = {role: places[joint] for role, joint in roles.joints.items()}
    hips = (at["left_hip"] + at["right_hip"]) / 2
    up = _unit(at["head"] - hips)
    left = at["left_hip"] - at["right_hip"]
    left = _unit(left - (left @ up) * up)
    if np.linalg.norm(up) < 0.5 or np.linalg.norm(left) < 0.5:
        raise UserError(
            "its bones tell no up and left: the hips, or the hips and the head, are in one place"
        )
    axes = np.stack([left, up, np.cross(left, up)])
    # Necks lean: a trunk that all but stands along the axes of its file does.
    nearest = np.zeros((3, 3))
    for row in range(3):
        column = int(np.abs(axes[row]).argmax())
        nearest[row, column] = np.sign(axes[row, column])
    if np.linalg.det(nearest) > 0.5 and ((nearest * axes).sum(axis=1) > _SNAP).all():
        return nearest
    return axes


def _is_t_pose(first: Reference, roles: Roles) -> bool:
    """Whether a frame is a T-pose that was put there: the root not turned, the limbs along it."""
    root = first.turns[roles.joints["pelvis"]]
    turned = np.arccos(np.clip((np.trace(root) - 1) / 2, -1.0, 1.0))
    if turned > _STILL:
        return False
    for side, left in zip(SIDES, (1.0, -1.0), strict=True):
        limbs = (("shoulder", "wrist", (left, 0.0, 0.0)), ("hip", "ankle", (0.0, -1.0, 0.0)))
        for start, end, expected in limbs:
            joints = (roles.joints[f"{side}_{start}"], roles.joints[f"{side}_{end}"])
            if first.direction(*joints) @ np.array(expected) < _T_POSE:
                return False
    return True


def metres_per_unit(
    reference: Reference, roles: Roles, rest: Mapping[str, Floats], asked: JointMap
) -> tuple[float, str]:
    """The file's unit of length in metres, and its name, by the length of legs and trunk.

    Args:
        reference: the skeleton's.
        roles: which joint is which.
        rest: SMPL's joints in metres.
        asked: the map, which may say it.
    """
    if asked.metres_per_unit is not None:
        return asked.metres_per_unit, f"{asked.metres_per_unit:g} m a unit"
    own = {role: reference.places[joint] for role, joint in roles.joints.items()}
    ratio = _height(rest) / max(_height(own), 1e-12)
    name = min(_UNITS, key=lambda unit: abs(np.log(ratio / _UNITS[unit])))
    if abs(np.log(ratio / _UNITS[name])) < np.log(_UNIT_TOLERANCE):
        return _UNITS[name], name
    return ratio, f"{ratio:.3g} m a unit"


def _height(at: Mapping[str, Floats]) -> float:
    """Length of a leg and from the hips to the head."""
    legs = [
        np.linalg.norm(at[f"{side}_{a}"] - at[f"{side}_{b}"])
        for side in SIDES
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    hips = (at["left_hip"] + at["right_hip"]) / 2
    return float(sum(legs) / 2 + np.linalg.norm(at["head"] - hips))


def upright(
    reference: Reference, roles: Roles, turns: Floats, asked: JointMap
) -> tuple[Floats, str]:
    """(3, 3) the turn that makes y the file's vertical axis, and the axis by its name.

    The reference pose says which axis is vertical where its legs point down; but where it says z
    and the body then moves upright along y, y is. Else the motion says it.

    Args:
        reference: the skeleton's.
        roles: which joint is which.
        turns: (n, J, 3, 3) world rotations.
        asked: the map, which may say it.
    """
    pelvis = roles.joints["pelvis"]
    body_up = reference.turns[pelvis].T @ reference.axes[1]
    mean = (turns[:, pelvis] @ body_up).mean(axis=0)
    moving = "y" if abs(mean[1]) >= abs(mean[2]) else "z"
    sure = max(mean[1], mean[2]) > 0.7
    standing = [
        reference.direction(roles.joints[f"{side}_hip"], roles.joints[f"{side}_knee"])[1] < -_ALIKE
        for side in SIDES
    ]
    axis = moving if sure else "y"
    if all(standing) and not (sure and moving == "y"):
        axis = "z" if abs(reference.axes[1, 2]) > abs(reference.axes[1, 1]) else "y"
    axis = asked.up or axis
    if axis == "y":
        return np.eye(3), "y"
    return np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]), "z"


def _unit(vector: Floats) -> Floats:
    result: Floats = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return result
