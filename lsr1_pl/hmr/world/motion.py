"""One person's motion: turns of the joints, and where the pelvis is, at numbered frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_FRAMES = 200_000
"""Frames of a motion without gaps: two hours at 30 a second. Frame numbers may lie anywhere."""


@dataclass(frozen=True)
class Motion:
    """T frames of one person of one shape; x is right, y up, z towards the camera."""

    moment: NDArray[np.int64]
    """(T,) frame numbers, increasing."""
    pose: Floats
    """(T, 72) axis-angle in radians, root first."""
    root: Floats
    """(T, 3) where the pelvis is, metres."""
    betas: Floats
    """(num_betas,)."""


class Recorded(NamedTuple):
    """A motion that has every frame from its first to its last."""

    motion: Motion
    measured: NDArray[np.bool_]
    """(T,) whether the frame was in the motion: in the input, with a fit to trust."""


def filled(motion: Motion) -> Recorded | None:
    """The motion with its gaps filled, for files that know no time but a frame rate.

    A missing frame's turns lie on the shortest arcs between its neighbours', its place on the line.
    None where that takes more than `MOST_FRAMES`.
    """
    from scipy.spatial.transform import Rotation, Slerp

    known = motion.moment
    first, last = int(known[0]), int(known[-1])
    if last - first >= MOST_FRAMES:
        return None
    every = np.arange(first, last + 1)
    measured = np.isin(every, known)
    if measured.all():
        return Recorded(motion, measured)
    # Of numbers this large a float64 would lose the frame.
    known, here = (known - first).astype(float), (every - first).astype(float)
    turns = motion.pose.reshape(len(known), -1, 3)
    pose = np.stack(
        [
            Slerp(known, Rotation.from_rotvec(turns[:, joint]))(here).as_rotvec()
            for joint in range(turns.shape[1])
        ],
        axis=1,
    ).reshape(len(here), -1)
    root = np.stack([np.interp(here, known, axis) for axis in motion.root.T], axis=1)
    pose[measured], root[measured] = motion.pose, motion.root
    return Recorded(replace(motion, moment=every, pose=pose, root=root), measured)


def z_up(motion: Motion) -> Motion:
    """The same motion with z up: x stays, y points away from the camera."""
    from scipy.spatial.transform import Rotation

    quarter = Rotation.from_euler("x", 90, degrees=True)
    pose = motion.pose.copy()
    pose[:, :3] = (quarter * Rotation.from_rotvec(pose[:, :3])).as_rotvec()
    return replace(motion, pose=pose, root=quarter.apply(motion.root))
