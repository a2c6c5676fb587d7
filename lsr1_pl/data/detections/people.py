"""People as a detector saw them, whatever its format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.ground.errors import UserError

_FARTHEST = 1e15
"""The farthest a keypoint may be, in pixels; beyond, single precision overflows in a fit."""

SMALLEST = 3.0
"""Pixels: nobody is so small."""


@dataclass(frozen=True)
class Detections:
    """n people in the frames of an input, frame by frame."""

    keypoints: NDArray[np.float64]
    """(n, 18, 2) in pixels, u to the right and v down, in OpenPose's order of 18."""
    confidence: NDArray[np.float64]
    """(n, 18), 0 where not detected."""
    frame: list[str]
    """n names of frames, no two frames the same: the file's, or the image's number. Where images
    differ in their folder or ending alone, with these."""
    person: NDArray[np.int64]
    """(n,) the person's number: the detector's, or else its place in the frame. Where the frames
    are no sequence, each person has a number alone."""
    moment: NDArray[np.int64]
    """(n,) the frame's number in its recording, as the names of frames tell it."""
    photos: Mapping[str, Path] = field(default_factory=dict)
    """The photo of each frame that has one."""
    clip: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """(n,) the recording's number; all are of one unless it is given."""
    identified: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    """(n,) whether the detector says who it is; nobody unless it is given."""
    sequence: bool = True
    """Whether the frames follow each other in time."""
    least_confidence: float = 0.01
    """From which on a keypoint of this detector counts."""
    points: str = ""
    """The family of detectors, of those that `lsr1_pl.hmr.fitting.points` lists, whose points of
    the body these are; empty where the file does not say."""
    notes: tuple[str, ...] = ()
    """What the user should know of the reading, a sentence each."""

    def __post_init__(self) -> None:
        """Fill what was not given."""
        count = len(self.frame)
        if not len(self.clip):
            object.__setattr__(self, "clip", np.zeros(count, dtype=np.int64))
        if not len(self.identified):
            object.__setattr__(self, "identified", np.zeros(count, dtype=np.bool_))


def visible(detections: Detections, least_confidence: float | None = None) -> NDArray[np.bool_]:
    """(n, 18): which keypoints count.

    They are of the least confidence at least, the detector's own unless it is given, and within
    1e15 pixels. Of a person of under three pixels none counts: it is at one place, or in shares of
    the image among others in pixels.

    Raises:
        UserError: ``least_confidence`` is not finite.
    """
    if least_confidence is None:
        least_confidence = detections.least_confidence
    if not math.isfinite(least_confidence):
        raise UserError(f"least_confidence is {least_confidence}; it must be finite")
    near = (np.abs(detections.keypoints) <= _FARTHEST).all(axis=2)
    seen: NDArray[np.bool_] = near & (detections.confidence >= least_confidence)
    sides = extent(detections.keypoints, seen)
    return seen & (sides >= SMALLEST)[:, None]


def extent(keypoints: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n,) pixels: the larger side of the box of each person's keypoints that count; 0 of none.

    Args:
        keypoints: (n, J, 2).
        counted: (n, J).
    """
    there = counted[:, :, None]
    low = np.where(there, keypoints, np.inf).min(axis=1)
    high = np.where(there, keypoints, -np.inf).max(axis=1)
    some: NDArray[np.bool_] = np.any(counted, axis=1)
    sides: NDArray[np.float64] = np.where(some[:, None], high - low, 0.0).max(axis=1)
    return sides
