"""A fit before a camera that is known: the view straight at the person, and where the body stands.

A fit knows no place in the image: it sees the keypoints in their box, as a camera that looks
straight at the body shows them. A person at the image's edge is seen from the side, and a fit that
does not know it turns the body by as much. So the keypoints are shown as the same camera would see
them had it been turned to the person, and the fitted body is turned back.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.body.calibrated import camera_points, image_slopes
from lsr1_pl.body.camera import keypoint_box
from lsr1_pl.body.rotations import rotation_matrix

_NEAREST_SLOPE = 1e-3
_LEAST_SPREAD = 1e-8


def straight_view(pixels: Tensor, visibility: Tensor, intrinsics: Tensor) -> tuple[Tensor, Tensor]:
    """Keypoints as the camera sees them when it is turned to the middle of their box.

    Args:
        pixels: (B, 18, 2).
        visibility: (B, 18), above 0 where visible.
        intrinsics: (B, 4) fx, fy, cx, cy in pixels.

    Returns:
        (B, 18, 2) pixels of a camera with the focal length fx and its centre at 0; and the
        rotations (B, 3, 3) that take its axes back to the given camera's.
    """
    middle, _ = keypoint_box(pixels, visibility)
    middle = torch.where(middle.isfinite(), middle, intrinsics[:, None, 2:])
    slopes = image_slopes(middle, intrinsics)
    sight = torch.nn.functional.normalize(_homogeneous(slopes)[:, 0], dim=1)
    forward = torch.zeros_like(sight)
    forward[:, 2] = 1.0
    axis = torch.linalg.cross(forward, sight)
    sine = axis.norm(dim=1, keepdim=True)
    angle = torch.atan2(sine, sight[:, 2:])
    back = rotation_matrix(axis / sine.clamp_min(torch.finfo(sine.dtype).tiny) * angle)
    rays = _homogeneous(image_slopes(pixels, intrinsics)) @ back
    # A detection beyond a right angle from the person has no image in this view.
    turned = rays[..., :2] / rays[..., 2:].clamp_min(_NEAREST_SLOPE)
    return turned * intrinsics[:, None, :1], back


def solve_translation(
    joints: Tensor, pixels: Tensor, weights: Tensor, intrinsics: Tensor
) -> tuple[Tensor, Tensor]:
    """Where bodies stand so that their joints project onto the detections: least squares.

    ``x + t_x = s_u (z + t_z)`` and ``y + t_y = s_v (z + t_z)`` for the slopes s of each ray are
    linear in the translation t; each joint's error is its distance from the ray, in metres.

    Args:
        joints: (B, J, 3) metres in the body's axes.
        pixels: (B, J, 2) detections.
        weights: (B, J) >= 0.
        intrinsics: (B, 4) fx, fy, cx, cy in pixels.

    Returns:
        (B, 3) metres in the camera's axes, and (B,) whether the detections fix it: two of them at
        least, apart, with the body before the camera. Where not, the translation is 0, 0, 6.
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
    before = (here[..., 2] + depth.unsqueeze(1)).amin(dim=1) > 0
    fixed = before & (square > _LEAST_SPREAD**2) & translation.isfinite().all(dim=1)
    fallback = torch.tensor([0.0, 0.0, 6.0], dtype=translation.dtype, device=joints.device)
    return torch.where(fixed.unsqueeze(1), translation, fallback).to(joints.dtype), fixed


def _homogeneous(slopes: Tensor) -> Tensor:
    return torch.cat([slopes, torch.ones_like(slopes[..., :1])], dim=-1)
