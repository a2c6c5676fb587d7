"""What a fit of synthetic people sees, and what it should find."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.body import PinholeCamera, normalize_keypoints
from lsr1_pl.body.camera import keypoint_box
from lsr1_pl.data import MotionBatch
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import FittedState, Observation
from lsr1_pl.hmr.reprojection import JointsOf


@torch.no_grad()
def synthetic_target(
    batch: MotionBatch, joints_of: JointsOf, camera: PinholeCamera
) -> tuple[FittedState, Observation]:
    """The truth and the detections of a batch.

    The true camera stands at ``batch.depth``. A detection shows the keypoint ``batch.shown`` with
    the error ``batch.noise`` and is normalised by the box of what is visible, errors included; the
    target's keypoints are free of both.

    Raises:
        UserError: the task's body has another number of betas.
    """
    try:
        joints = joints_of(batch.pose, batch.betas)
    except ValueError as error:
        raise UserError(
            f"the motion's bodies are not the task's ({error}); expected HMRTask num_betas "
            f"{batch.betas.shape[1]}"
        ) from None
    true = camera._replace(depth=batch.depth.unsqueeze(1)).project(joints)
    detected = detections(true, batch)
    target = normalize_keypoints(true, batch.visibility)
    observation = Observation(normalize_keypoints(detected, batch.visibility), batch.visibility)
    return FittedState(target, joints, batch.pose, batch.betas), observation


def detections(true: Tensor, batch: MotionBatch) -> Tensor:
    """(B, 18, 2) true keypoints -> detected ones, in the same unit."""
    _, size = keypoint_box(true, batch.visibility)
    shown = batch.shown.unsqueeze(2).expand_as(true)
    return true.gather(1, shown) + size * batch.noise


@torch.no_grad()
def focal_in_boxes(batch: MotionBatch, joints_of: JointsOf, camera: PinholeCamera) -> Tensor:
    """(B,) the focal length in sides of the detections' box: what a detector's image would tell."""
    joints = joints_of(batch.pose, batch.betas)
    true = camera._replace(depth=batch.depth.unsqueeze(1)).project(joints)
    _, size = keypoint_box(detections(true, batch), batch.visibility)
    return camera.focal / size.flatten()
