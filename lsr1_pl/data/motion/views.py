"""What is drawn at random besides the pose: view, visibility, shape, and a detector's errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.ground.errors import UserError

_TILT = math.radians(20.0)
_MINIMUM_VISIBLE = 6
_NEAREST = 1.5


@dataclass(frozen=True)
class Viewing:
    """How random people are seen and detected; the defaults are LGD's.

    Args:
        visible_probability: of each keypoint.
        betas_std: of random shapes, for stores that hold none.
        keypoint_noise: least and largest standard deviation of a detection's error in u and in v,
            as a share of the larger side of the visible keypoints' box; drawn evenly, person by
            person.
        swap_probability: of each limb (an arm: shoulder, elbow, wrist; a leg: hip, knee, ankle) to
            be detected with left and right exchanged.
        depth_range: nearest and farthest distance of the true camera, in metres, drawn evenly. A
            fit always assumes 6 m.

    Raises:
        UserError: a value out of its range.
    """

    visible_probability: float = 0.8
    betas_std: float = 1.0
    keypoint_noise: tuple[float, float] = (0.0, 0.0)
    swap_probability: float = 0.0
    depth_range: tuple[float, float] = (6.0, 6.0)

    def __post_init__(self) -> None:
        if not 0 < self.visible_probability <= 1:
            value = self.visible_probability
            raise UserError(f"visible_probability is {value}; it must lie in (0, 1]")
        if not 0 <= self.betas_std < math.inf:
            raise UserError(f"betas_std is {self.betas_std}; it must be 0 or more")
        low, high = self.keypoint_noise
        if not 0 <= low <= high < math.inf:
            raise UserError(
                f"keypoint_noise is {[low, high]}; expected [least, largest], 0 or more, such as "
                "[0.01, 0.01] for one percent of the box"
            )
        if not 0 <= self.swap_probability <= 1:
            raise UserError(f"swap_probability is {self.swap_probability}; it must lie in [0, 1]")
        low, high = self.depth_range
        if not _NEAREST <= low <= high < math.inf:
            raise UserError(
                f"depth_range is {[low, high]}; expected [nearest, farthest] in metres, the "
                f"nearest at least {_NEAREST}: a body must lie before the camera"
            )


def random_views(pose: Tensor, generator: torch.Generator) -> Tensor:
    """Poses (B, 72) seen from a random side: the root becomes ``Rz Ry Rx R_root``.

    As LGD draws its cameras: x and z uniform within 20 degrees, y uniform over the full turn.
    """
    uniform = torch.rand(len(pose), 3, generator=generator, dtype=pose.dtype)
    angles = (2 * uniform - 1) * torch.tensor([_TILT, math.pi, _TILT], dtype=pose.dtype)
    axes = torch.eye(3, dtype=pose.dtype)
    turn_x, turn_y, turn_z = (rotation_matrix(angles[:, i : i + 1] * axes[i]) for i in range(3))
    root = axis_angle(turn_z @ turn_y @ turn_x @ rotation_matrix(pose[:, :3]))
    return torch.cat([root, pose[:, 3:]], dim=1)


def random_visibility(
    count: int, keypoints: int, probability: float, generator: torch.Generator
) -> Tensor:
    """(count, keypoints) of 0 and 1: each is visible with ``probability`` (0.8 in LGD).

    A person of whom fewer than six keypoints remain is shown whole.
    """
    visible = torch.rand(count, keypoints, generator=generator) < probability
    visible |= visible.sum(dim=1, keepdim=True) < _MINIMUM_VISIBLE
    return visible.float()


def random_betas(count: int, betas: int, std: float, generator: torch.Generator) -> Tensor:
    """(count, betas) shape coefficients, normal with standard deviation ``std``."""
    return std * torch.randn(count, betas, generator=generator)


def random_noise(count: int, std_range: tuple[float, float], generator: torch.Generator) -> Tensor:
    """(count, 18, 2) normal errors of detected keypoints, in sides of the box."""
    low, high = std_range
    if high == 0:
        return torch.zeros(count, len(COCO18), 2)
    errors = torch.randn(count, len(COCO18), 2, generator=generator)
    if low == high:
        return low * errors
    return (low + (high - low) * torch.rand(count, 1, 1, generator=generator)) * errors


def random_swaps(count: int, probability: float, generator: torch.Generator) -> Tensor:
    """(count, 18): which keypoint each detection shows; itself, or its mirror where a limb is
    swapped."""
    identity = torch.arange(len(COCO18)).expand(count, -1).clone()
    if probability == 0:
        return identity
    for limb in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
        swapped = torch.rand(count, generator=generator) < probability
        for part in limb:
            left, right = COCO18.index(f"left_{part}"), COCO18.index(f"right_{part}")
            identity[swapped, left], identity[swapped, right] = right, left
    return identity


def random_depths(
    count: int, depth_range: tuple[float, float], generator: torch.Generator
) -> Tensor:
    """(count,) distances of the true cameras, in metres."""
    low, high = depth_range
    if low == high:
        return torch.full((count,), float(low))
    return low + (high - low) * torch.rand(count, generator=generator)
