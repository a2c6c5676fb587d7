"""The same people seen otherwise: mirrored, rolled, or with left and right exchanged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lsr1_pl.body.calibrated import turn_root
from lsr1_pl.body.camera import keypoint_box, normalize_keypoints
from lsr1_pl.body.skeleton import COCO18, SMPL_JOINTS
from lsr1_pl.ground.constants import constant
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.variables import POSE_SIZE

ARMS = ("shoulder", "elbow", "wrist")
LEGS = ("hip", "knee", "ankle")
FACE = ("eye", "ear")
WHOLE = ARMS + LEGS + FACE
"""The keypoints of a body that have a left and a right."""


def exchanged(parts: Sequence[str]) -> list[int]:
    """18 numbers: the keypoint that each one is when left and right of ``parts`` are exchanged."""
    return [_place(_other(name) if _part(name) in parts else name) for name in COCO18]


def relabelled(observation: Observation, order: Tensor | Sequence[int]) -> Observation:
    """The people whose keypoint k is what was detected as ``order[k]``; or each their own order.

    Args:
        observation: of B people.
        order: (18,) or (B, 18).
    """
    keypoints, visibility = observation.keypoints, observation.visibility
    place = torch.as_tensor(order, device=keypoints.device).expand(len(keypoints), -1)
    return observation._replace(
        keypoints=keypoints.gather(1, place.unsqueeze(2).expand(-1, -1, 2)),
        visibility=visibility.gather(1, place),
    )


def mirrored(observation: Observation) -> Observation:
    """The people as a mirror shows them, their left on the other side of the image."""
    seen = relabelled(observation, exchanged(WHOLE))
    u, v = seen.keypoints.unbind(dim=2)
    return seen._replace(keypoints=torch.stack([1 - u, v], dim=2))


def mirror_pose(pose: Tensor) -> Tensor:
    """Poses (B, 72) in radians of the same bodies in a mirror that exchanges left and right."""
    turns = pose.reshape(len(pose), -1, 3)[:, _MIRROR_JOINTS]
    return (turns * constant([1.0, -1.0, -1.0], turns)).reshape(len(pose), POSE_SIZE)


def rolled(observation: Observation, angle: Tensor) -> Observation:
    """The people in an image that was turned about its middle.

    Args:
        observation: of B people.
        angle: (B,) radians; above 0, what is to the right (u) goes down (v).
    """
    turned = (observation.keypoints - 0.5) @ _turn(angle)[:, :2, :2].mT
    _, size = keypoint_box(turned, observation.visibility)
    # Without a box there is nothing to be in units of.
    side = torch.where(size > 0, size, torch.ones_like(size)).flatten()
    return observation._replace(
        keypoints=normalize_keypoints(turned, observation.visibility),
        focal=None if observation.focal is None else observation.focal / side,
    )


def roll_back(pose: Tensor, angle: Tensor) -> Tensor:
    """Poses (B, 72) that fit images :func:`rolled` by ``angle`` (B,), before the images as is."""
    return turn_root(pose, _turn(-angle))


def _turn(angle: Tensor) -> Tensor:
    """(B,) radians -> (B, 3, 3), about the camera's axis, from u towards v."""
    cosine, sine = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    rows = ((cosine, -sine, zero), (sine, cosine, zero), (zero, zero, one))
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def _part(name: str) -> str:
    return name.split("_")[-1] if "_" in name else name[1:]


def _other(name: str) -> str:
    """``left_knee`` -> ``right_knee``, ``leye`` -> ``reye``; what has one side stays."""
    for one, two in (("left_", "right_"), ("right_", "left_")):
        if name.startswith(one):
            return two + name.removeprefix(one)
    if name[1:] in FACE:
        return ("r" if name[0] == "l" else "l") + name[1:]
    return name


def _place(name: str) -> int:
    return COCO18.index(name)


_MIRROR_JOINTS = [SMPL_JOINTS.index(_other(name)) for name in SMPL_JOINTS]
