"""Where a body stands before a calibrated camera, found from its joints' pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.body.calibrated import camera_points, image_slopes

_LEAST_SPREAD = 1e-8


def least_squares_translation(
    joints: Tensor, pixels: Tensor, weights: Tensor, intrinsics: Tensor
) -> tuple[Tensor, Tensor]:
    """Where bodies stand so that their joints project onto the detections, wherever that is.

    ``x + t_x = s_u (z + t_z)`` and ``y + t_y = s_v (z + t_z)`` for the slopes s of each ray are
    linear in the translation t; each joint's error is its distance from the ray, in metres.

    Args:
        joints: (B, J, 3) metres in the body's axes.
        pixels: (B, J, 2) detections.
        weights: (B, J) >= 0.
        intrinsics: (B, 4) fx, fy, cx, cy in pixels.

    Returns:
        (B, 3) metres in the camera's axes, float64; it may lie behind the camera. And (B,) whether
        the detections fix it: two of them at least, apart.
    """
    here = camera_points(joints, torch.zeros_like(joints[:, 0])).double()
    slopes = image_slopes(pixels, intrinsics).double()
    share = weights.double() / weights.double().sum(dim=1, keepdim=True).clamp_min(1e-12)
    mean = (share.unsqueeze(2) * slopes).sum(dim=1)
    off = here[..., 2:] * slopes - here[..., :2]
    mean_off = (share.unsqueeze(2) * off).sum(dim=1)
    # Eliminate t_x and t_y: t_xy = mean_off + mean t_z, and what is left is one unknown.
    spread = slopes - mean.unsqueeze(1)
    square = (share.unsqueeze(2) * spread**2).sum(dim=(1, 2))
    product = (share.unsqueeze(2) * spread * (off - mean_off.unsqueeze(1))).sum(dim=(1, 2))
    depth = -product / square.clamp_min(_LEAST_SPREAD**2)
    translation = torch.cat([mean_off + mean * depth.unsqueeze(1), depth.unsqueeze(1)], dim=1)
    return translation, (square > _LEAST_SPREAD**2) & translation.isfinite().all(dim=1)


def solve_translation(
    joints: Tensor, pixels: Tensor, weights: Tensor, intrinsics: Tensor
) -> tuple[Tensor, Tensor]:
    """Where bodies stand before the camera so that their joints project onto the detections.

    Args:
        joints: (B, J, 3) metres in the body's axes.
        pixels: (B, J, 2) detections.
        weights: (B, J) >= 0.
        intrinsics: (B, 4) fx, fy, cx, cy in pixels.

    Returns:
        (B, 3) metres in the camera's axes, and (B,) whether the detections fix it: two of them at
        least, apart, with the body before the camera. Where not, the translation is 0, 0, 6.
    """
    translation, fixed = least_squares_translation(joints, pixels, weights, intrinsics)
    depths = camera_points(joints, torch.zeros_like(joints[:, 0]))[..., 2].double()
    fixed = fixed & ((depths + translation[:, 2:]).amin(dim=1) > 0)
    fallback = torch.tensor([0.0, 0.0, 6.0], dtype=translation.dtype, device=joints.device)
    return torch.where(fixed.unsqueeze(1), translation, fallback).to(joints.dtype), fixed
