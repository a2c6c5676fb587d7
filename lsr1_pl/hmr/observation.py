"""What a fit sees: normalised 2D keypoints and which of them are visible."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from lsr1_pl.body.camera import PinholeCamera, normalize_keypoints


class Observation(NamedTuple):
    """2D keypoints of B people, in OpenPose's order of 18."""

    keypoints: Tensor
    """(B, 18, 2), normalised by the visible bounding box into [0, 1]; invisible ones at 0.5."""
    visibility: Tensor
    """(B, 18) weights in [0, 1], the detector's confidence where it tells; 0 is invisible. An
    objective weighs by them, and a start may read them."""
    focal: Tensor | None = None
    """(B,) the camera's focal length in sides of each person's box; None where it is not known."""


def observe_detections(keypoints: Tensor, visibility: Tensor) -> Observation:
    """What a fit sees of detections (B, 18, 2) in any unit, weighted by ``visibility`` (B, 18)."""
    return Observation(normalize_keypoints(keypoints, visibility), visibility)


def observe(joints: Tensor, visibility: Tensor, camera: PinholeCamera) -> Observation:
    """Keypoints of ``joints`` (B, 18, 3), in metres, as ``camera`` and ``visibility`` show them."""
    return observe_detections(camera.project(joints), visibility)
