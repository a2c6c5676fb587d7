"""Frames that show what no body can do: mistakes of a capture, found by the angles of joints."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lsr1_pl.body.skeleton import SMPL_JOINTS

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_MARGIN = 0.07
"""Seconds before and after an impossible frame that go with it: joints are on their way there."""
_SHORTEST = 0.2
"""Seconds of the shortest run of sound frames between impossible ones that is worth keeping."""
_LARGEST_HEAD = 120.0
_LARGEST_NECK = 90.0
_LARGEST_WAIST = 110.0
_LARGEST_ANKLE = 115.0
_LARGEST_HIP_TWIST = 145.0
_FASTEST_HIP = 3000.0
"""Degrees a second; a kick has a third of it."""
_LARGEST_BEND_BACK = 40.0


def impossible_frames(poses: Floats, fps: float) -> dict[str, Mask]:
    """What each frame shows that no body can do.

    The limits, in degrees, lie beyond what people reach: 120 for the head against the chest, 90 for
    the neck, 110 for the lowest joint of the spine, 115 for an ankle, 145 for the twist of a thigh
    about its own length, 40 for a knee that bends forward. A hip that turns by more than 3000 a
    second has leapt: the frames on both sides have the fault.

    Args:
        poses: (n, 72) SMPL poses, axis-angle in radians.
        fps: frames a second.

    Returns:
        For each fault, in words, the (n,) frames that have it.
    """
    turn = dict(zip(SMPL_JOINTS, poses.reshape(len(poses), -1, 3).transpose(1, 0, 2), strict=True))
    sides = ("left", "right")
    hips = [np.abs(_twist(turn[f"{side}_hip"], (0.0, 1.0, 0.0))) for side in sides]
    leaps = [_leaps(turn[f"{side}_hip"], _FASTEST_HIP / fps) for side in sides]
    knees = [_twist(turn[f"{side}_knee"], (1.0, 0.0, 0.0)) for side in sides]
    ankles = [_angle(turn[f"{side}_ankle"]) for side in sides]
    head = (Rotation.from_rotvec(turn["neck"]) * Rotation.from_rotvec(turn["head"])).as_rotvec()
    return {
        "head turned over": (_angle(head) > _LARGEST_HEAD) | (_angle(turn["neck"]) > _LARGEST_NECK),
        "waist turned over": _angle(turn["spine1"]) > _LARGEST_WAIST,
        "thigh turned over": (np.maximum(*hips) > _LARGEST_HIP_TWIST) | np.maximum(*leaps),
        "knee bent forward": np.minimum(*knees) < -_LARGEST_BEND_BACK,
        "foot turned over": np.maximum(*ankles) > _LARGEST_ANKLE,
    }


def described(faults: Mapping[str, int]) -> str:
    """Faults and their numbers of frames as one phrase: ``head turned over in 82 frames``."""
    return ", ".join(f"{fault} in {count} frames" for fault, count in faults.items())


def sound_pieces(poses: Floats, fps: float) -> tuple[list[slice], dict[str, int]]:
    """The runs of frames without an impossible one.

    Frames within 0.07 s of an impossible frame are left out with it, and so are runs under 0.2 s
    between two of them.

    Args:
        poses: (n, 72) SMPL poses, axis-angle in radians.
        fps: frames a second.

    Returns:
        The runs, in order; and for each fault that occurs, its number of frames.
    """
    faults = impossible_frames(poses, fps)
    bad = np.logical_or.reduce(list(faults.values()))
    margin = round(_MARGIN * fps)
    left_out = np.convolve(bad, np.ones(2 * margin + 1), mode="full")[margin:][: len(bad)] > 0.5
    edges = np.flatnonzero(np.diff(np.concatenate([[True], left_out, [True]]).astype(int)))
    runs = zip(edges[::2], edges[1::2], strict=True)
    shortest = _SHORTEST * fps if bad.any() else 1
    pieces = [slice(int(start), int(end)) for start, end in runs if end - start >= shortest]
    counts = {fault: int(frames.sum()) for fault, frames in faults.items()}
    return pieces, {fault: count for fault, count in counts.items() if count}


def _angle(turns: Floats) -> Floats:
    """(n, 3) axis-angle -> (n,) degrees in [0, 180]."""
    angles: Floats = np.degrees(Rotation.from_rotvec(turns).magnitude())
    return angles


def _leaps(turns: Floats, largest: float) -> Mask:
    """(n,) the frames on both sides of a step of more than ``largest`` degrees."""
    rotations = Rotation.from_rotvec(turns)
    steps = np.degrees((rotations[:-1].inv() * rotations[1:]).magnitude()) > largest
    return np.concatenate([steps, [False]]) | np.concatenate([[False], steps])


def _twist(turns: Floats, axis: tuple[float, float, float]) -> Floats:
    """(n,) degrees in (-180, 180] of the part of each turn that is about ``axis``."""
    quaternions = Rotation.from_rotvec(turns).as_quat()
    half = np.arctan2(quaternions[:, :3] @ np.array(axis), quaternions[:, 3])
    degrees: Floats = np.degrees((2 * half + np.pi) % (2 * np.pi) - np.pi)
    return degrees
