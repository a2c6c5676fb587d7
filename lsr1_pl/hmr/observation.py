"""What a fit sees: normalised 2D keypoints and which of them are visible."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.body.camera import PinholeCamera, normalize_keypoints


class Observation(NamedTuple):
    """2D keypoints of B people, in OpenPose's order of 18."""

    keypoints: Tensor
    """(B, 18, 2), normalised by the visible bounding box into [0, 1]; invisible ones at 0.5."""
    visibility: Tensor
    """(B, 18) weights in [0, 1]; 0 is invisible."""
    focal: Tensor | None = None
    """(B,) the camera's focal length in sides of each person's box; None where it is not known."""
    confidence: Tensor | None = None
    """(B, 18) in [0, 1], how sure the detector is; a start may read it, an objective does not.
    None where nothing but ``visibility`` is known."""

    @property
    def confidences(self) -> Tensor:
        """(B, 18) in [0, 1]: the detector's where it tells, else ``visibility``; 0 is not seen."""
        if self.confidence is None:
            return self.visibility
        return torch.where(self.visibility > 0, self.confidence, 0.0)


def observe_detections(
    keypoints: Tensor, visibility: Tensor, confidence: Tensor | None = None
) -> Observation:
    """What a fit sees of detections (B, 18, 2) in any unit, weighted by ``visibility`` (B, 18).

    ``confidence`` (B, 18), in [0, 1], is the detector's own, for starts that read it.
    """
    normalized = normalize_keypoints(keypoints, visibility)
    return Observation(normalized, visibility, confidence=confidence)


def observe(joints: Tensor, visibility: Tensor, camera: PinholeCamera) -> Observation:
    """Keypoints of ``joints`` (B, 18, 3), in metres, as ``camera`` and ``visibility`` show them."""
    return observe_detections(camera.project(joints), visibility)
