"""Bodies and keypoints in a mirror that exchanges left and right."""

from __future__ import annotations

from torch import Tensor

from lsr1_pl.body.skeleton import COCO18, SMPL_JOINTS


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
    joints = pose.unflatten(1, (len(SMPL_JOINTS), 3))[:, list(MIRRORED_JOINTS)]
    return (joints * joints.new_tensor([1.0, -1.0, -1.0])).flatten(1)


def mirrored_rotations(rotations: Tensor) -> Tensor:
    """As :func:`mirrored_pose`, of poses as (B, 24, 3, 3) matrices."""
    flip = rotations.new_tensor([-1.0, 1.0, 1.0])
    return flip.unsqueeze(1) * rotations[:, list(MIRRORED_JOINTS)] * flip


def mirrored_keypoints(keypoints: Tensor) -> Tensor:
    """Keypoints (B, 18, 2), normalised into [0, 1], of the mirrored image."""
    other = keypoints[:, list(MIRRORED_KEYPOINTS)]
    return other * other.new_tensor([-1.0, 1.0]) + other.new_tensor([1.0, 0.0])
