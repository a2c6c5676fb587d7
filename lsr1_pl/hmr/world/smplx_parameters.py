"""Fitted people as the arguments of the ``smplx`` package.

smplx turns a body about its pelvis, which stays where the shape puts it, and adds ``transl``. Its
axes here are the camera's: x right, y down, z forward.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.body import BodyModel
from lsr1_pl.body.calibrated import camera_points
from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.hmr.fitting import Fits


class SmplxParameters(NamedTuple):
    """n people; with the fits' betas they are all that a body of smplx takes."""

    global_orient: Tensor
    """(n, 3) axis-angle in radians, in the camera's axes."""
    body_pose: Tensor
    """(n, 69) axis-angle in radians, each joint in its parent's frame."""
    transl: Tensor
    """(n, 3) metres."""


@torch.no_grad()
def smplx_parameters(fits: Fits, body: BodyModel) -> SmplxParameters:
    """The same bodies, at the same places before the same cameras.

    Args:
        fits: of n people.
        body: that was fitted.
    """
    pose, betas = fits.prediction.pose, fits.prediction.betas
    pelvis = body.rest_joints(betas)[:, :1]
    flip = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    turned = axis_angle(flip @ rotation_matrix(pose[:, :3].double()))
    placed = camera_points(pelvis, fits.translation)
    return SmplxParameters(turned.to(pose.dtype), pose[:, 3:], (placed - pelvis)[:, 0])
