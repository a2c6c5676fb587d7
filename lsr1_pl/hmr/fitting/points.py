"""Which points of the body a detector's keypoints are.

SMPL's joints are centres of rotation. A detector's keypoints are what people click on in images,
or points of another body model. A fit that takes one for the other is pulled by the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lsr1_pl.body import BodyModel
from lsr1_pl.body.skeleton import COCO18, JOINTS45
from lsr1_pl.ground.choices import unknown_choice
from lsr1_pl.hmr.fitting.fitter import Fitter
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.hmr.start.shifted import ShiftedStart

Mixtures = Mapping[str, Mapping[str, float]]
"""Keypoint -> the joints or landmarks that it is a mixture of; the shares sum to 1."""

_NECK: Mixtures = {"neck": {"left_shoulder": 0.5, "right_shoulder": 0.5}}


def _hips(outward: float) -> Mixtures:
    """Hips moved out by a share of the distance between both joints."""
    return {
        f"{side}_hip": {f"{side}_hip": 1 + outward, f"{other}_hip": -outward}
        for side, other in (("left", "right"), ("right", "left"))
    }


def _face(down: float) -> Mixtures:
    """The head's points moved down by a share of the way from head to neck."""
    names = ("nose", "leye", "reye", "lear", "rear")
    return {name: {name: 1.0, "neck": down, "head": -down} for name in names}


POINTS: Mapping[str, Mixtures] = {
    "joints": {},
    "shoulders": _NECK,
    "mediapipe": {**_NECK, **_hips(0.1), **_face(0.4)},
}
"""Detector's family -> those of the 18 keypoints that are not SMPL's joint or landmark itself.

``joints``: nothing is moved, as for projections of SMPL's joints.
``shoulders``: the neck is the middle of the shoulders. OpenPose's and COCO's detectors learn it
from annotations that have no neck, and readers of formats without one put it there.
``mediapipe``: likewise, and wider hips (18 mm each) and a lower head (40 mm). Both were chosen by
hand on 344 views of the woman before four cameras of Pose2Sim's trial with several people (``lsr1
bench real``), from where the triangulated landmarks lie beside the fitted open body's in its pelvis
and head, and by the error of the fits.
"""

_JOINTS_NECK_HEIGHT = 0.06
"""SMPL's neck is higher above the middle of the shoulders, in lengths of the torso: 0.1 to 0.2."""


class MixedPoints(nn.Module):
    """Pose and betas -> the 18 keypoints of a detector's family, in metres.

    Args:
        body: whose joints are mixed.
        family: of `POINTS`.

    Raises:
        UserError: there is no such family.
    """

    shares: Tensor

    def __init__(self, body: BodyModel, family: str) -> None:
        super().__init__()
        if family not in POINTS:
            raise unknown_choice("family", family, POINTS)
        rows = {name: POINTS[family].get(name, {name: 1.0}) for name in COCO18}
        used = sorted({joint for row in rows.values() for joint in row}, key=JOINTS45.index)
        self.joints: Callable[[Tensor, Tensor], Tensor] = body.select(used)
        shares = [[row.get(joint, 0.0) for joint in used] for row in rows.values()]
        self.register_buffer("shares", torch.tensor(shares), persistent=False)

    def forward(self, pose: Tensor, betas: Tensor) -> Tensor:
        """(B, 72) and (B, num_betas) -> (B, 18, 3) metres."""
        joints = self.joints(pose, betas)
        return self.shares.to(joints.dtype) @ joints


def seeing(fitter: Fitter, body: BodyModel, family: str) -> Fitter:
    """The fitter for keypoints that are the points of a family of detectors.

    Its start still sees the points that it was trained on (:class:`ShiftedStart`).

    Args:
        fitter: of people whose keypoints are SMPL's joints.
        body: the same body as the fitter's.
        family: of `POINTS`.

    Raises:
        UserError: there is no such family.
    """
    points = MixedPoints(body, family)
    if not POINTS[family]:
        return fitter
    detected = ProjectedBody(points, fitter.body.camera)
    start = ShiftedStart(fitter.start, fitter.body.joints_of, detected)
    return replace(fitter, body=detected, start=start)


def shown_points(keypoints: NDArray[np.float64], seen: NDArray[np.bool_]) -> str:
    """The family of keypoints whose detector is not known: ``shoulders``, or ``joints``.

    The neck tells: SMPL's joint stands clearly above the middle of the shoulders.

    Args:
        keypoints: (n, 18, 2) of a whole input.
        seen: (n, 18) which count.
    """
    place = COCO18.index
    shoulders = [place("left_shoulder"), place("right_shoulder")]
    hips = [place("left_hip"), place("right_hip")]
    whole = seen[:, [*shoulders, *hips, place("neck")]].all(axis=1)
    if not whole.any():
        return "shoulders"
    people = keypoints[whole]
    top, bottom = people[:, shoulders].mean(axis=1), people[:, hips].mean(axis=1)
    torso = top - bottom
    length = np.maximum((torso**2).sum(axis=1), np.finfo(np.float64).tiny)
    height = ((people[:, place("neck")] - top) * torso).sum(axis=1) / length
    return "joints" if float(np.median(height)) > _JOINTS_NECK_HEIGHT else "shoulders"
