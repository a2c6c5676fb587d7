"""People fitted to their detections: bodies, cameras, and how each fit went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.body import PinholeCamera
from lsr1_pl.body.camera import keypoint_box
from lsr1_pl.data import KeypointBatch
from lsr1_pl.tasks.hmr import HMRTask
from lsr1_pl.tasks.hmr_prediction import Prediction


@dataclass(frozen=True)
class Fits:
    """n fitted people."""

    prediction: Prediction
    camera: Tensor
    """(n, 4) of a pinhole camera for each: focal length, centre u and v in pixels, distance in
    metres. It looks along -z at the body's origin; ``u = focal x / (distance - z) + centre_u``,
    ``v = -focal y / (distance - z) + centre_v``."""
    projected: Tensor
    """(n, 18, 2) pixels of the fitted keypoints."""


def fit_people(
    task: HMRTask,
    batches: Sequence[KeypointBatch],
    progress: Callable[[int], None] = lambda done: None,
) -> Fits:
    """Fit every person of ``batches``; ``progress`` is called with how many are done."""
    parts: list[Prediction] = []
    cameras, pixels = [], []
    done = 0
    with torch.no_grad():
        for batch in batches:
            parts.append(task.predict_step(batch, 0))
            camera = camera_of(parts[-1].joints, batch, task.camera)
            cameras.append(camera)
            pixels.append(project(camera, parts[-1].joints))
            done += len(batch.keypoints)
            progress(done)
    prediction = Prediction(*(torch.cat(field) for field in zip(*parts, strict=True)))
    return Fits(prediction, torch.cat(cameras), torch.cat(pixels))


def camera_of(joints: Tensor, batch: KeypointBatch, assumed: PinholeCamera) -> Tensor:
    """(B, 4): the camera that puts fitted joints (B, 18, 3) over the detections.

    The fit compares keypoints within their boxes; this undoes it: the assumed camera's image,
    scaled and moved so that the box of its visible keypoints is that of the detections. Where the
    detections have no box, the assumed focal length and a centre of 0.
    """
    image = assumed.project(joints)
    here, size = keypoint_box(image, batch.visibility)
    there, wanted = keypoint_box(batch.keypoints, batch.visibility)
    sound = (size > 0) & (wanted > 0) & size.isfinite() & wanted.isfinite()
    scale = torch.where(sound, wanted / torch.where(sound, size, torch.ones_like(size)), 1.0)
    centre = torch.where(sound, there - scale * here, torch.zeros_like(here))
    focal = scale[:, 0] * assumed.focal
    distance = torch.full_like(focal, float(assumed.depth))
    return torch.cat([focal, centre[:, 0], distance], dim=1)


def project(camera: Tensor, points: Tensor) -> Tensor:
    """(n, J, 2) pixels of points (n, J, 3) through cameras (n, 4)."""
    focal, centre_u, centre_v, distance = (part.unsqueeze(1) for part in camera.unbind(dim=1))
    scale = focal / (distance - points[..., 2])
    return torch.stack(
        [scale * points[..., 0] + centre_u, centre_v - scale * points[..., 1]], dim=-1
    )
