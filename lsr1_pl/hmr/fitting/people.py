"""People fitted to their detections: bodies, cameras, and how each fit went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.body import PinholeCamera
from lsr1_pl.body.calibrated import project_calibrated, turn_root
from lsr1_pl.body.camera import keypoint_box
from lsr1_pl.body.translation import solve_translation
from lsr1_pl.data import KeypointBatch
from lsr1_pl.ground.constants import constant
from lsr1_pl.hmr.fitting.calibrated import straight_view
from lsr1_pl.hmr.fitting.fitter import PeopleFitter
from lsr1_pl.hmr.fitting.prediction import TOO_FEW_KEYPOINTS, Prediction
from lsr1_pl.hmr.observation import observe_detections


@dataclass(frozen=True)
class Fits:
    """n fitted people, each before a camera of its own or all before the one that is known."""

    prediction: Prediction
    intrinsics: Tensor
    """(n, 4) fx, fy, cx, cy in pixels."""
    translation: Tensor
    """(n, 3) metres in the camera's axes (x right, y down, z forward): a body's point p stands at
    ``(p_x, -p_y, -p_z) + translation``."""

    @property
    def projected(self) -> Tensor:
        """(n, 18, 2) pixels of the fitted keypoints."""
        return project_calibrated(self.prediction.joints, self.translation, self.intrinsics)


def fit_people(
    fitter: PeopleFitter,
    batches: Sequence[KeypointBatch],
    steps: int,
    progress: Callable[[int], None] = lambda done: None,
    intrinsics: Sequence[float] | None = None,
) -> Fits:
    """Fit every person of ``batches``.

    Args:
        fitter: how each of them is fitted, such as :attr:`lsr1_pl.tasks.HMRTask.fitter`.
        batches: the detections.
        steps: of the optimiser, 0 or more.
        progress: called with how many people are done.
        intrinsics: fx, fy, cx, cy in pixels of the camera that saw them all; None where it is not
            known: then each person gets the camera, 6 m away, that looks straight at the body.
    """
    parts: list[Fits] = []
    done = 0
    with torch.no_grad():
        for batch in batches:
            if intrinsics is None:
                parts.append(_fit_uncalibrated(fitter, batch, steps))
            else:
                known = constant(intrinsics, batch.keypoints)
                cameras = known.expand(len(batch.keypoints), 4)
                parts.append(_fit_calibrated(fitter, batch, steps, cameras))
            done += len(batch.keypoints)
            progress(done)
    fields = zip(*(part.prediction for part in parts), strict=True)
    return Fits(
        Prediction(*(torch.cat(field) for field in fields)),
        torch.cat([part.intrinsics for part in parts]),
        torch.cat([part.translation for part in parts]),
    )


def _fit_uncalibrated(fitter: PeopleFitter, batch: KeypointBatch, steps: int) -> Fits:
    observation = observe_detections(batch.keypoints, batch.visibility)
    prediction = fitter.predict(observation, steps)
    camera = fitter.body.camera
    intrinsics = camera_of(prediction.joints, batch, camera)
    translation = torch.zeros_like(intrinsics[:, :3])
    translation[:, 2] = camera.depth
    return Fits(prediction, intrinsics, translation)


def _fit_calibrated(
    fitter: PeopleFitter, batch: KeypointBatch, steps: int, intrinsics: Tensor
) -> Fits:
    view, back = straight_view(batch.keypoints, batch.visibility, intrinsics)
    observation = observe_detections(view, batch.visibility)
    prediction = fitter.predict(observation, steps)
    pose = turn_root(prediction.pose, back)
    joints = fitter.body.joints_of(pose, prediction.betas)
    translation, fixed = solve_translation(joints, batch.keypoints, batch.visibility, intrinsics)
    status = torch.where(fixed, prediction.status, TOO_FEW_KEYPOINTS)
    prediction = prediction._replace(pose=pose, joints=joints, status=status)
    return Fits(prediction, intrinsics, translation)


def camera_of(joints: Tensor, batch: KeypointBatch, assumed: PinholeCamera) -> Tensor:
    """(B, 4) fx, fy, cx, cy: the camera that puts fitted joints (B, 18, 3) over the detections.

    The fit compares keypoints within their boxes; this undoes it: the assumed camera's image,
    scaled and moved so that the box of its visible keypoints is that of the detections. Where the
    detections have no box, the assumed focal length and a centre of 0. The camera looks along -z
    at the body's origin from the assumed distance.
    """
    image = assumed.project(joints)
    here, size = keypoint_box(image, batch.visibility)
    there, wanted = keypoint_box(batch.keypoints, batch.visibility)
    sound = (size > 0) & (wanted > 0) & size.isfinite() & wanted.isfinite()
    scale = torch.where(sound, wanted / torch.where(sound, size, torch.ones_like(size)), 1.0)
    centre = torch.where(sound, there - scale * here, torch.zeros_like(here))
    focal = scale[:, 0] * assumed.focal
    return torch.cat([focal, focal, centre[:, 0]], dim=1)
