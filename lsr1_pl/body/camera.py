"""The pinhole camera, and LGD's normalisation of keypoints by their bounding box."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# A box this small beside its points' coordinates, in units of rounding, holds in effect one point.
_ROUNDINGS = 8


class PinholeCamera(NamedTuple):
    """A fixed camera that looks at the body's front along -z, without rotation.

    The defaults are LGD's. The image's u runs to the body's left (+x), v runs down.
    """

    focal: float = 256.0
    """Focal length in pixels."""
    centre_u: float = 0.0
    """Principal point, in pixels."""
    centre_v: float = 0.0
    depth: float | Tensor = 6.0
    """Distance in metres from the camera to the body's origin; or one a body, (B, 1)."""

    def project(self, points: Tensor) -> Tensor:
        """(B, J, 3) metres in the body's frame -> (B, J, 2) pixels.

        ``u = focal x / (depth - z) + centre_u``, ``v = -focal y / (depth - z) + centre_v``.
        Points behind the camera (z >= depth) have no image; no body reaches that far.
        """
        scale = self.focal / (self.depth - points[..., 2])
        u = scale * points[..., 0] + self.centre_u
        v = -scale * points[..., 1] + self.centre_v
        return torch.stack([u, v], dim=-1)


def normalize_keypoints(points: Tensor, visibility: Tensor) -> Tensor:
    """Keypoints in the bounding box of the visible ones, as LGD feeds them to its networks.

    The box's larger side becomes 1 and its centre 0.5, so that all visible keypoints lie in
    [0, 1]; invisible ones stand at 0.5, and what was there, NaN even, has no influence. The result
    does not change with the scale or position of ``points``. With no or one visible keypoint (or
    several in one place) there is no scale: then all stand at 0.5, with gradient zero. Gradients
    flow through the box. A visible keypoint that is not finite makes its body's result NaN.

    Args:
        points: (B, J, 2), any unit.
        visibility: (B, J), above 0 where visible.

    Returns:
        (B, J, 2).
    """
    visible = (visibility > 0).unsqueeze(-1)
    seen = torch.where(visible, points, torch.zeros_like(points))
    middle, size = keypoint_box(points, visibility)
    extent = seen.detach().abs().amax(dim=(1, 2), keepdim=True)
    # Of an empty box, -inf wide, where() keeps the infinities out of the gradient as well.
    flat = (size <= 0) | (size < _ROUNDINGS * torch.finfo(points.dtype).eps * extent)
    centre = torch.where(flat, torch.zeros_like(middle), middle)
    inside = (seen - centre) / torch.where(flat, torch.ones_like(size), size) + 0.5
    return torch.where(visible & ~flat, inside, torch.full_like(points, 0.5))


def keypoint_box(points: Tensor, visibility: Tensor) -> tuple[Tensor, Tensor]:
    """Centre (B, 1, 2) and larger side (B, 1, 1) of the box around the visible ``points``.

    Without a visible point the side is minus infinity and the centre NaN.
    """
    visible = (visibility > 0).unsqueeze(-1)
    low = torch.where(visible, points, torch.inf).amin(dim=1, keepdim=True)
    high = torch.where(visible, points, -torch.inf).amax(dim=1, keepdim=True)
    return 0.5 * (low + high), (high - low).amax(dim=2, keepdim=True)
