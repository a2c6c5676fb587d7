"""The neck, which OpenPose's order of 18 has and many detectors lack."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.body.skeleton import COCO18


def with_neck(marks: NDArray[np.float64], rows: Mapping[str, int]) -> NDArray[np.float64]:
    """One person's keypoints in OpenPose's order of 18: the neck is the middle of the shoulders.

    Args:
        marks: (J, 3) u, v and confidence; the neck is as sure as the less sure shoulder.
        rows: name -> row of ``marks``, for the 17 keypoints other than the neck.

    Returns:
        (18, 3).
    """
    shoulders = marks[[rows["left_shoulder"], rows["right_shoulder"]]]
    neck = np.append(shoulders[:, :2].mean(axis=0), shoulders[:, 2].min())
    return np.stack([neck if name == "neck" else marks[rows[name]] for name in COCO18])
