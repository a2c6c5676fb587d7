"""How far keypoints are from a body if they are read in some order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.detections.joints.joint_set import JointSet

Floats = NDArray[np.float64]

_BONES = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    *(
        (f"{side}_{upper}", f"{side}_{lower}")
        for side in ("left", "right")
        for upper, lower in (
            *(("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip")),
            *(("hip", "knee"), ("knee", "ankle")),
        )
    ),
)
_FACE = ("nose", "leye", "reye", "lear", "rear")
_FEWEST_BONES = 5
"""Of a person who is looked at."""

_FARTHEST = 1e15
"""In pixels; beyond it nothing counts, and squares overflow."""

_OFF_MIDDLE = 0.1
_LARGEST_FACE = 0.3
_STRICTNESS = 3.0
"""What a middle of the hips that is none, or a face that is none, counts beside the bones."""


def disorder(people: Floats, joints: JointSet) -> float:
    """The median over people of how little their keypoints look like a body.

    In a wrong order bones run across the body: the longest one is long, and their lengths differ.
    The middle of the hips lies elsewhere, and the face is no small thing. Over open motion a body
    has 0.12; in a wrong order it has 0.2 and more.

    Args:
        people: (n, J, 3) u, v and confidence; 0 is not seen.
        joints: the order that is tried.

    Returns:
        0 or more; infinite where nobody is seen well enough.
    """
    found = disorders(people, joints)
    looked_at = found[np.isfinite(found)]
    return float(np.median(looked_at)) if len(looked_at) else float("inf")


def disorders(people: Floats, joints: JointSet) -> Floats:
    """(n,) how little each person's keypoints look like a body; see :func:`disorder`."""
    rows = joints.rows
    near = (np.abs(people[:, :, :2]) <= _FARTHEST).all(axis=2) & (people[:, :, 2] > 0)
    points = np.where(near[:, :, None], people[:, :, :2], np.nan)
    pairs = [(rows[a], rows[b]) for a, b in _BONES if a in rows and b in rows]
    lengths = _lengths(points[:, [a for a, _ in pairs]] - points[:, [b for _, b in pairs]])
    chosen = np.isfinite(lengths).sum(axis=1) >= _FEWEST_BONES
    found = np.full(len(people), np.inf)
    if not chosen.any():
        return found
    points, lengths = points[chosen], lengths[chosen]
    sides = np.maximum(_extents(points), 1e-9)
    spread = np.nanstd(lengths, axis=1) / np.maximum(np.nanmean(lengths, axis=1), 1e-9)
    total = np.nanmax(lengths, axis=1) / sides * spread
    if "mid_hip" in joints.names and {"left_hip", "right_hip"} <= rows.keys():
        hips = points[:, [rows["left_hip"], rows["right_hip"]]].mean(axis=1)
        off = _lengths(points[:, joints.names.index("mid_hip")] - hips) / sides
        total = total + _STRICTNESS * np.nan_to_num((off - _OFF_MIDDLE).clip(min=0))
    if set(_FACE) <= rows.keys():
        face = points[:, [rows[name] for name in _FACE]]
        whole = np.isfinite(face).all(axis=(1, 2))
        size = np.zeros(len(face))
        size[whole] = _extents(face[whole]) / sides[whole]
        total = total + _STRICTNESS * (size - _LARGEST_FACE).clip(min=0)
    found[chosen] = total
    return found


def _lengths(offsets: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(offsets, axis=-1)
    return lengths


def _extents(points: Floats) -> Floats:
    """(n, k, 2) -> (n,) the larger side of the box around what is seen."""
    extents: Floats = (np.nanmax(points, axis=1) - np.nanmin(points, axis=1)).max(axis=1)
    return extents
