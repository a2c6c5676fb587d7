"""Bodies and keypoints in a mirror that exchanges left and right."""

from __future__ import annotations

from torch import Tensor

from lsr1_pl.body.skeleton import COCO18, SMPL_JOINTS
from lsr1_pl.ground.constants import constant, places


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return name.replace("left_", "right_")
    if name.startswith("right_"):
        return name.replace("right_", "left_")
    return {"reye": "leye", "leye": "reye", "rear": "lear", "lear": "rear"}.get(name, name)


MIRRORED_JOINTS: tuple[int, ...] = tuple(SMPL_JOINTS.index(_other_side(n)) for n in SMPL_JOINTS)
"""Of each of the 24 joints, the number of the one on the other side; its own in the middle."""

MIRRORED_KEYPOINTS: tuple[int, ...] = tuple(COCO18.index(_other_side(n)) for n in COCO18)
"""Likewise of the 18 keypoints."""


def mirrored_pose(pose: Tensor) -> Tensor:
    """Poses (B, 72) in the mirror: x becomes -x.

    The rotation about an axis r becomes the one about ``(r_x, -r_y, -r_z)``, and each joint takes
    the one of its other side.
    """
    joints = pose.unflatten(1, (len(SMPL_JOINTS), 3))[:, places(MIRRORED_JOINTS, pose)]
    return (joints * constant([1.0, -1.0, -1.0], joints)).flatten(1)


def mirrored_rotations(rotations: Tensor) -> Tensor:
    """As :func:`mirrored_pose`, of poses as (B, 24, 3, 3) matrices."""
    flip = constant([-1.0, 1.0, 1.0], rotations)
    return flip.unsqueeze(1) * rotations[:, places(MIRRORED_JOINTS, rotations)] * flip


def mirrored_keypoints(keypoints: Tensor) -> Tensor:
    """Keypoints (B, 18, 2), normalised into [0, 1], of the mirrored image."""
    other = other_side(keypoints)
    return other * constant([-1.0, 1.0], other) + constant([1.0, 0.0], other)


def other_side(of_keypoints: Tensor) -> Tensor:
    """(B, 18, ...) of the keypoints, each taken from the keypoint of the other side."""
    return of_keypoints[:, places(MIRRORED_KEYPOINTS, of_keypoints)]
