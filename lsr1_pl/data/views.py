"""What training draws at random besides the pose: the view, the visibility, the shape."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.errors import UserError

_TILT = math.radians(20.0)
_MINIMUM_VISIBLE = 6


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
    if not 0 < probability <= 1:
        raise UserError(f"visible_probability is {probability}; it must lie in (0, 1]")
    visible = torch.rand(count, keypoints, generator=generator) < probability
    visible |= visible.sum(dim=1, keepdim=True) < _MINIMUM_VISIBLE
    return visible.float()


def random_betas(count: int, betas: int, std: float, generator: torch.Generator) -> Tensor:
    """(count, betas) shape coefficients, normal with standard deviation ``std``."""
    return std * torch.randn(count, betas, generator=generator)
