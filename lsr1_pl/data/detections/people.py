"""People as a detector saw them, whatever its format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.ground.errors import UserError

Floats = NDArray[np.float64]

FramePeople = tuple[str, Floats, Floats]
"""What every reader gives of a frame: its name, keypoints (n, 18, 2) and confidence (n, 18)."""

_FARTHEST = 1e15
"""The farthest a keypoint may be, in pixels; beyond, single precision overflows in a fit."""


@dataclass(frozen=True)
class Detections:
    """n people in the frames of an input, frame by frame."""

    keypoints: NDArray[np.float64]
    """(n, 18, 2) in pixels, u to the right and v down, in OpenPose's order of 18."""
    confidence: NDArray[np.float64]
    """(n, 18), 0 where not detected."""
    frame: list[str]
    """n names of frames: the file's, or the image's number. Where images of a COCO file differ in
    their folder or ending alone, with these."""
    person: NDArray[np.int64]
    """(n,) the person's number within its frame."""
    moment: NDArray[np.int64]
    """(n,) the frame's number in the input, frames without people counted too."""
    photos: Mapping[str, Path] = field(default_factory=dict)
    """The file of each frame that is a photo."""
    points: str = ""
    """The family of detectors, of those that `lsr1_pl.hmr.fitting.points` lists, whose points of
    the body these are; empty where the file does not say."""


def visible(detections: Detections, least_confidence: float) -> NDArray[np.bool_]:
    """(n, 18): which keypoints count: of that confidence at least, and within 1e15 pixels."""
    if not math.isfinite(least_confidence):
        raise UserError(f"least_confidence is {least_confidence}; it must be finite")
    near = (np.abs(detections.keypoints) <= _FARTHEST).all(axis=2)
    seen: NDArray[np.bool_] = near & (detections.confidence >= least_confidence)
    return seen
