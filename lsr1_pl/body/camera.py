"""The pinhole camera, and LGD's normalisation of keypoints by their bounding box."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_SMALLEST_BOX = 1e-6
"""In image units: a box no larger than this holds, in effect, one point."""


class PinholeCamera(NamedTuple):
    """A fixed camera that looks at the body's front along -z, without rotation.

    The defaults are LGD's. The image's u runs to the body's left (+x), v runs down.
    """

    focal: float = 256.0
    """Focal length in pixels."""
    centre_u: float = 0.0
    """Principal point, in pixels."""
    centre_v: float = 0.0
    depth: float = 6.0
    """Distance in metres from the camera to the body's origin."""

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
    [0, 1]; invisible ones stand at 0.5. The result does not change with the scale or position of
    ``points``. With no or one visible keypoint (or several in one place) there is no scale: then
    all stand at 0.5, with gradient zero. Gradients flow through the box.

    Args:
        points: (B, J, 2), any unit.
        visibility: (B, J), above 0 where visible.

    Returns:
        (B, J, 2).
    """
    visible = (visibility > 0).unsqueeze(-1)
    infinity = torch.full_like(points, torch.inf)
    low = torch.where(visible, points, infinity).amin(dim=1, keepdim=True)
    high = torch.where(visible, points, -infinity).amax(dim=1, keepdim=True)
    size = (high - low).amax(dim=2, keepdim=True)
    has_size = size > _SMALLEST_BOX
    safe_size = torch.where(has_size, size, torch.ones_like(size))
    # An empty box is infinite: where() alone would leave its NaN in the gradient.
    centre = torch.where(has_size, 0.5 * (low + high), torch.zeros_like(low))
    inside = (torch.where(has_size, points, torch.zeros_like(points)) - centre) / safe_size + 0.5
    return torch.where(visible & has_size, inside, torch.full_like(points, 0.5))
