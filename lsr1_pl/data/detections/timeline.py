"""When each frame was: its number in its recording, as the names of frames tell it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.detections.frames import Floats, Frame

_MOST_DIGITS = 18
"""Longer numbers do not fit into 64 bits."""
_FARTHEST_NUMBERS = 30
"""Frames of a sequence are usually no farther apart than this; numbers of a data set's are."""
_COMPARED = 300
"""Neighbouring frames that are compared, at most."""
_CLOSE = 15
"""Frames so far apart, at most, are compared."""
_STILL_SAME = 0.25
"""How far a body moves between frames that are compared, at most, in sides of its box."""


class Timeline(NamedTuple):
    """Each frame's recording and its number there."""

    clip: list[int]
    """The frame's recording, from 0; one folder or one pattern of names is one recording."""
    moment: list[int]
    numbered: bool
    """Whether the numbers are told by the names, and no two frames of a clip have the same."""


def timeline(frames: Sequence[Frame]) -> Timeline:
    """The recordings and numbers of frames.

    A name's number is the last of its numbers that changes from frame to frame; the numbers
    before it name the recording, as in ``s01_000123``. Without numbers frames count from 0 as they
    come.
    """
    if len(frames) == 1:
        return Timeline([0], [0 if frames[0].number is None else frames[0].number], True)
    told = [_told(frame) for frame in frames]
    skeletons: dict[str, list[int]] = defaultdict(list)
    for row, (skeleton, _) in enumerate(told):
        skeletons[skeleton].append(row)
    keys: list[tuple[str, tuple[int, ...]]] = [("", ())] * len(frames)
    numbers: list[int | None] = [None] * len(frames)
    for skeleton, rows in skeletons.items():
        fields = [told[row][1] for row in rows]
        if not fields[0]:
            continue
        changing = [k for k in range(len(fields[0])) if len({each[k] for each in fields}) > 1]
        time = changing[-1] if changing else len(fields[0]) - 1
        for row, each in zip(rows, fields, strict=True):
            others = tuple(each[k] for k in range(len(each)) if k != time)
            keys[row], numbers[row] = (skeleton, others), each[time]
    clips = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    clip = [clips[key] for key in keys]
    moment = [number for number in numbers if number is not None]
    if len(moment) < len(frames) or len(set(zip(clip, moment, strict=True))) < len(frames):
        return Timeline([0] * len(frames), list(range(len(frames))), False)
    return Timeline(clip, moment, True)


def _told(frame: Frame) -> tuple[str, tuple[int, ...]]:
    """A frame's name with its numbers taken out, and the numbers."""
    if frame.number is not None:
        return "", (frame.number,)
    # Of a file's name the ending may hold a digit, too.
    path = PurePosixPath((frame.name or "").replace("\\", "/"))
    name = (
        str(path.with_suffix("")) if path.suffix and not path.suffix[1:].isdecimal() else str(path)
    )
    parts = re.split(r"([0-9]+)", name)
    if any(len(part) > _MOST_DIGITS for part in parts[1::2]):
        return name, ()
    return "#".join(parts[::2]), tuple(int(part) for part in parts[1::2])


def is_sequence(
    clip: NDArray[np.int64], moment: NDArray[np.int64], keypoints: Floats, seen: NDArray[np.bool_]
) -> bool:
    """Whether people move from frame to frame as in a film, and not from image to image.

    The numbers of neighbouring frames are close, and half of the time at least somebody is where
    somebody was before.

    Args:
        clip: (n,) each person's recording.
        moment: (n,) the frame's number there.
        keypoints: (n, 18, 2) in pixels.
        seen: (n, 18) which of them count.
    """
    frames = sorted(Counter(zip(clip.tolist(), moment.tolist(), strict=True)))
    if len(frames) < 2:
        return True
    pairs = [(a, b) for a, b in pairwise(frames) if a[0] == b[0]]
    if not pairs or np.median([b[1] - a[1] for a, b in pairs]) > _FARTHEST_NUMBERS:
        return False
    near = [(a, b) for a, b in pairs if b[1] - a[1] <= _CLOSE]
    chosen = near[:: max(1, len(near) // _COMPARED)]
    rows = defaultdict(list)
    for row, key in enumerate(zip(clip.tolist(), moment.tolist(), strict=True)):
        rows[key].append(row)
    moved = [
        min(_moved(keypoints, seen, i, j) for i in rows[a] for j in rows[b]) for a, b in chosen
    ]
    known = [each for each in moved if np.isfinite(each)]
    return not known or float(np.median(known)) <= _STILL_SAME


def _moved(keypoints: Floats, seen: NDArray[np.bool_], i: int, j: int) -> float:
    """The median way of the keypoints that both have, in sides of the first one's box."""
    both = seen[i] & seen[j]
    if both.sum() < 3:
        return float("inf")
    side = max(float(np.ptp(keypoints[i, seen[i]], axis=0).max()), 1.0)
    ways = np.linalg.norm(keypoints[i, both] - keypoints[j, both], axis=1)
    return float(np.median(ways)) / side
