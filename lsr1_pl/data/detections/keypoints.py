"""2D keypoints of people to be fitted, as tensors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lsr1_pl.data.detections.people import Detections, visible


class KeypointBatch(NamedTuple):
    """B people as a detector saw them, in OpenPose's order of 18."""

    keypoints: Tensor
    """(B, 18, 2) in pixels, u to the right and v down."""
    visibility: Tensor
    """(B, 18) of 0 and 1."""
    confidence: Tensor | None = None
    """(B, 18) in [0, 1], how sure the detector is of each; None where it does not say."""


def keypoint_batches(
    detections: Detections, least_confidence: float = 0.01, batch_size: int = 256
) -> list[KeypointBatch]:
    """All people, in their order, in batches.

    Args:
        detections: of a file or a folder.
        least_confidence: from which on a keypoint counts as visible (0.01 in LGD); one that is not
            finite, or beyond 1e15 pixels, never does.
        batch_size: people fitted at once, >= 1.
    """
    seen = visible(detections, least_confidence)
    points = torch.from_numpy(np.where(seen[:, :, None], detections.keypoints, 0.0)).float()
    visibility = torch.from_numpy(seen).float()
    confidence = torch.from_numpy(np.where(seen, detections.confidence, 0.0)).float().clamp(0, 1)
    parts = zip(*(t.split(batch_size) for t in (points, visibility, confidence)), strict=True)
    return [KeypointBatch(*part) for part in parts]
