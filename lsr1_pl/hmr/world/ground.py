"""The ground beneath one person, from the person's own feet; and a place that is known badly.

Nothing tells where the ground of a video is, nor whether the camera is level or moves. But people
stand on it again and again: the lowest that a body is within some tenths of a second is the ground.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TRUNCATE = 3.0
"""How far the Gaussian reaches, in its widths."""


def above_ground(height: Floats, moment: NDArray[np.int64], reach: float) -> Floats:
    """How high a body's lowest point is above the ground, (T,) metres.

    The ground at a frame is the largest, over the frames within ``reach``, of the least height
    within ``reach`` of each (a grey opening), and so never above the body. A jump stays a jump, if
    it is shorter than twice ``reach``; and a slow drift, as of a tilted or moving camera, is no
    motion of the body.

    Args:
        height: (T,) metres, of the body's lowest point.
        moment: (T,) frame numbers, increasing.
        reach: frames, 0 or more.
    """
    windows = _windows(moment, reach)
    least = np.array([height[window].min() for window in windows])
    return height - np.array([least[window].max() for window in windows])


def over_time(values: Floats, moment: NDArray[np.int64], width: float) -> Floats:
    """The line that fits best around each frame, at that frame: (T,).

    Frames weigh by a Gaussian in their distance in time. A line, unlike a mean, keeps a steady
    motion as it is up to its ends.

    Args:
        values: (T,).
        moment: (T,) frame numbers, increasing.
        width: standard deviation of the Gaussian in frames; 0 leaves the values as they are.
    """
    if width <= 0:
        return values
    smoothed = np.empty(len(values))
    for row, window in enumerate(_windows(moment, _TRUNCATE * width)):
        since = (moment[window] - moment[row]).astype(float)
        weight = np.exp(-0.5 * (since / width) ** 2)
        weight /= weight.sum()
        mean, about = weight @ since, weight @ values[window]
        spread = weight @ (since - mean) ** 2
        slope = weight @ ((since - mean) * values[window]) / spread if spread > 0 else 0.0
        smoothed[row] = about - slope * mean
    return smoothed


def _windows(moment: NDArray[np.int64], reach: float) -> list[slice]:
    first = np.searchsorted(moment, moment - reach, side="left")
    last = np.searchsorted(moment, moment + reach, side="right")
    return [slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
