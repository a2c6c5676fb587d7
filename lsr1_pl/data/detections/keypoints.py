"""2D keypoints of people to be fitted, as tensors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lsr1_pl.data.detections.people import Detections, visible

_LEAST_WEIGHT = 1e-3
"""What counts has a weight, even where ``--least_confidence 0`` lets in what has no confidence."""


class KeypointBatch(NamedTuple):
    """B people as a detector saw them, in OpenPose's order of 18."""

    keypoints: Tensor
    """(B, 18, 2) in pixels, u to the right and v down."""
    visibility: Tensor
    """(B, 18) weights in [0, 1]: the detector's confidence, 0 where a keypoint does not count."""


def keypoint_batches(
    detections: Detections, least_confidence: float | None = None, batch_size: int = 256
) -> list[KeypointBatch]:
    """All people, in their order, in batches.

    Args:
        detections: of a file or a folder.
        least_confidence: from which on a keypoint counts; the detector's own unless it is given.
            One that is not finite, or beyond 1e15 pixels, never does.
        batch_size: people fitted at once, >= 1.
    """
    seen = visible(detections, least_confidence)
    points = torch.from_numpy(np.where(seen[:, :, None], detections.keypoints, 0.0)).float()
    weights = np.where(seen, np.clip(detections.confidence, _LEAST_WEIGHT, 1.0), 0.0)
    visibility = torch.from_numpy(weights).float()
    parts = zip(points.split(batch_size), visibility.split(batch_size), strict=True)
    return [KeypointBatch(*part) for part in parts]
