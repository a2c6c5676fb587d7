"""A fitted body as the image shows it, in the box of its keypoints."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lsr1_pl.body import BodyModel, PinholeCamera
from lsr1_pl.body.camera import keypoint_box
from lsr1_pl.hmr import split_variables


@torch.no_grad()
def in_keypoint_box(
    body: BodyModel,
    joints_of: Callable[[Tensor, Tensor], Tensor],
    camera: PinholeCamera,
    x: Tensor,
    keypoints: Tensor,
    visibility: Tensor,
) -> tuple[Tensor, Tensor]:
    """One person's mesh over the detections, both in sides of the box of the visible keypoints.

    Args:
        body: whose mesh it is.
        joints_of: pose (1, 72) and betas (1, num_betas) -> the 18 keypoints' joints (1, 18, 3).
        camera: of the fit.
        x: (N,) pose and betas.
        keypoints: (18, 2) normalised detections.
        visibility: (18,).

    Returns:
        The mesh (V, 3) and the D visible detections (D, 3): u, -v, and the depth in the same
        unit; the detections lie before the mesh.
    """
    pose, betas = split_variables(x.unsqueeze(0))
    vertices = body.vertices(pose, betas)
    pixels = camera.project(joints_of(pose, betas))
    centre, side = keypoint_box(pixels, visibility.unsqueeze(0))
    metres_to_box = (camera.focal / camera.depth / side).squeeze(2)
    image = (camera.project(vertices) - centre) / side
    mesh = torch.stack([image[..., 0], -image[..., 1], metres_to_box * vertices[..., 2]], dim=-1)
    observed = keypoints[visibility > 0] - 0.5
    front = torch.full((len(observed), 1), float(mesh[..., 2].max()))
    marks = torch.cat([observed * torch.tensor([1.0, -1.0]), front], dim=1)
    return mesh[0], marks
