"""Somebody who stands, as detectors of many joint sets would see them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.body.skeleton import COCO18

PLACES: dict[str, tuple[float, float]] = {
    "nose": (100, 20),
    "leye": (106, 14),
    "reye": (94, 15),
    "lear": (114, 18),
    "rear": (86, 19),
    "left_shoulder": (130, 60),
    "right_shoulder": (70, 62),
    "left_elbow": (165, 100),
    "right_elbow": (41, 104),
    "left_wrist": (196, 141),
    "right_wrist": (21, 60),
    "left_hip": (118, 170),
    "right_hip": (82, 171),
    "left_knee": (120, 250),
    "right_knee": (80, 251),
    "left_ankle": (121, 330),
    "right_ankle": (79, 331),
    "neck": (100, 61),
}
"""The 18 joints of somebody who faces the camera, in pixels; the neck between the shoulders."""

ELSEWHERE: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("head_top", "top_head", "head"), (100, 5)),
    **dict.fromkeys(("upper_neck", "neck_base", "head_bottom", "jaw"), (100, 45)),
    **dict.fromkeys(("thorax", "chest", "spine3"), (100, 66)),
    **dict.fromkeys(("spine", "belly", "spine1", "spine2"), (100, 120)),
    **dict.fromkeys(("mid_hip", "hip", "pelvis", "root"), (100, 168)),
}
"""Other joints of the same body."""


def places(names: Sequence[str], left: float = 0.0, top: float = 0.0) -> NDArray[np.float64]:
    """(J, 2) where the joints of these names are; those that nobody knows are near the feet."""
    long = {"left_eye": "leye", "right_eye": "reye", "left_ear": "lear", "right_ear": "rear"}
    known = {**PLACES, **ELSEWHERE, "left_foot": PLACES["left_ankle"]}
    known["right_foot"] = PLACES["right_ankle"]
    rows = [known.get(long.get(name, name), (100, 340 + k)) for k, name in enumerate(names)]
    return np.array(rows, dtype=float) + np.array([left, top])


def flat(points: NDArray[np.float64], confidence: float = 0.9) -> list[float]:
    """u, v, confidence by keypoint."""
    marks = np.append(points, np.full((len(points), 1), confidence), axis=1)
    return [float(x) for x in marks.reshape(-1)]


def standing(left: float = 0.0, top: float = 0.0) -> NDArray[np.float64]:
    """(18, 2) in OpenPose's order."""
    return places(COCO18, left, top)
