"""A fit before a camera that is known: the view straight at the person.

A fit knows no place in the image: it sees the keypoints in their box, as a camera that looks
straight at the body shows them. A person at the image's edge is seen from the side, and a fit that
does not know it turns the body by as much. So the keypoints are shown as the same camera would see
them had it been turned to the person, and the fitted body is turned back.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.body.calibrated import image_slopes
from lsr1_pl.body.camera import keypoint_box
from lsr1_pl.body.rotations import rotation_matrix

_NEAREST_SLOPE = 1e-3


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


def _homogeneous(slopes: Tensor) -> Tensor:
    return torch.cat([slopes, torch.ones_like(slopes[..., :1])], dim=-1)
