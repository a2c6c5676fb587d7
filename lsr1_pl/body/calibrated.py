"""Bodies before a camera that is calibrated: its intrinsics are known, or have been found.

The camera's axes are x to the right, y down, z forward; the body's are x to its left, y up and z
towards the viewer, so that a body's point p stands at ``(p_x, -p_y, -p_z) + translation``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.ground.constants import constant

_FLIP = (1.0, -1.0, -1.0)


def camera_points(points: Tensor, translation: Tensor) -> Tensor:
    """Points (B, J, 3) in the body's axes -> (B, J, 3) metres in the camera's.

    Args:
        points: metres.
        translation: (B, 3) metres, in the camera's axes.
    """
    return points * constant(_FLIP, points) + translation.unsqueeze(1)


def project_calibrated(
    points: Tensor, translation: Tensor, intrinsics: Tensor, nearest: float | None = None
) -> Tensor:
    """(B, J, 2) pixels: ``u = fx x / z + cx``, ``v = fy y / z + cy`` in the camera's axes.

    Points in or behind the camera's plane (z <= 0) have no image.

    Args:
        points: (B, J, 3) metres in the body's axes.
        translation: (B, 3) metres.
        intrinsics: (B, 4) fx, fy, cx, cy in pixels.
        nearest: if given, points nearer than this, in metres, are projected from there, so that
            every point has an image.
    """
    placed = camera_points(points, translation)
    depth = placed[..., 2:] if nearest is None else placed[..., 2:].clamp_min(nearest)
    return placed[..., :2] / depth * intrinsics[:, None, :2] + intrinsics[:, None, 2:]


def image_slopes(pixels: Tensor, intrinsics: Tensor) -> Tensor:
    """(B, J, 2): x / z and y / z of the rays through pixels (B, J, 2) of cameras (B, 4)."""
    return (pixels - intrinsics[:, None, 2:]) / intrinsics[:, None, :2]


def turn_root(pose: Tensor, turn: Tensor) -> Tensor:
    """Poses (B, 72) of the same bodies, turned by rotations (B, 3, 3) of the camera's axes."""
    flip = torch.diag(constant(_FLIP, turn))
    root = flip @ turn @ flip @ rotation_matrix(pose[:, :3])
    return torch.cat([axis_angle(root), pose[:, 3:]], dim=1)
