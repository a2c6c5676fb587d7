"""What the reader of a format hands on: frames, and in each the people as the file has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.ground.errors import UserError

Floats = NDArray[np.float64]
Identity = int | str


class Sighting(NamedTuple):
    """A person in a frame."""

    marks: Floats
    """(J, 3) u, v and confidence, in the file's own order; confidence 0 is not seen."""
    identity: Identity | None = None
    """Who it is, if the detector follows people over the frames."""
    joints: tuple[str, ...] | None = None
    """The names of the J keypoints, if the file tells."""


class Frame(NamedTuple):
    """A frame of a file, with whoever was seen in it."""

    people: list[Sighting]
    name: str | None = None
    """The image's file, or its number; None where the file of keypoints holds one frame alone."""
    number: int | None = None
    """The frame's number in its recording, where the format says it; else the name does."""
    size: tuple[float, float] | None = None
    """Width and height in pixels, where the format says them."""


class JsonFormat(NamedTuple):
    """A format of JSON files."""

    name: str
    matches: Callable[[Any], bool]
    """Whether a file's content is of this format."""
    read: Callable[[str, Any], list[Frame]]
    """The file's name for messages, and its content -> frames."""
    least_confidence: float = 0.3
    """From which on a keypoint counts: 0.3 where the detector gives every joint a place."""


def marks_of(value: Any, where: str) -> Floats:
    """(J, 3) of u, v and confidence from a flat list, or from a list of points.

    A flat list has three numbers a keypoint; a point has two or three. ``null`` is not seen, and
    so is a point at 0, 0 that comes without confidence.

    Args:
        value: what the file has.
        where: the file and the key, for messages.

    Raises:
        UserError: it is no such list.
    """
    points = isinstance(value, list) and bool(value) and all(isinstance(x, list) for x in value)
    widths = {len(point) for point in value} if points else {3}
    flat = list(chain.from_iterable(value)) if points else value
    if not isinstance(flat, list) or not all(_is_number(x) for x in flat):
        raise UserError(
            f"{where} is {_kind(value)}; expected numbers: u, v, confidence by keypoint"
        )
    if len(widths) != 1 or not widths <= {2, 3} or len(flat) % next(iter(widths)):
        raise UserError(
            f"{where} is {len(value)} entries; expected a multiple of 3: u, v, confidence by "
            "keypoint, or a list of points"
        )
    try:
        numbers = np.array([np.nan if x is None else x for x in flat], dtype=np.float64)
    except OverflowError:
        raise UserError(f"{where} holds a number beyond double precision") from None
    return with_confidence(numbers.reshape(-1, next(iter(widths))))


def scored_marks(points: Any, scores: Any, where: str) -> Floats:
    """(J, 3) from points (J, 2) and, in a list of its own, their J confidences.

    Raises:
        UserError: they do not fit together.
    """
    first = points[0] if isinstance(points, list) and points else None
    if isinstance(first, list) and len(first) != 2:
        raise UserError(
            f"{where} is a list of {len(first)} numbers a point, beside confidences; expected u, v "
            "in pixels: joints in 3D are no keypoints"
        )
    marks = marks_of(points, where)
    if not isinstance(scores, list) or len(scores) != len(marks):
        raise UserError(f"{where} is of {len(marks)} points; expected as many confidences")
    if not all(_is_number(x) for x in scores):
        raise UserError(f"{where}: a confidence is no number")
    try:
        marks[:, 2] = [0.0 if x is None else x for x in scores]
    except OverflowError:
        raise UserError(f"{where}: a confidence is beyond double precision") from None
    return unseen_to_zero(marks)


def with_confidence(points: Floats) -> Floats:
    """(..., 2 or 3) -> (..., 3): without a confidence it is 1, and 0 for a point at 0, 0."""
    if points.shape[-1] == 2:
        placed = (points != 0).any(axis=-1, keepdims=True).astype(np.float64)
        points = np.concatenate([points, placed], axis=-1)
    return unseen_to_zero(points)


def unseen_to_zero(marks: Floats) -> Floats:
    """The same (..., 3), with confidence 0 wherever one of the three is no finite number."""
    marks = marks.copy()
    marks[~np.isfinite(marks).all(axis=-1), 2] = 0.0
    return marks


def identity_of(entry: dict[str, Any], keys: Iterable[str]) -> Identity | None:
    """Who a person is, by the first of these keys that tells it.

    Detectors write a number, a text, or a list with it; ``-1`` and ``null`` mean nobody known.
    """
    for key in keys:
        value = entry.get(key)
        while isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str) and value:
            return int(value) if value.isdecimal() and len(value) < 10 else value
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e9:
            return int(value)
    return None


def number_of(value: Any) -> int | None:
    """A frame's number, if it is one."""
    whole = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if whole and abs(value) < 2**62 and value == int(value) else None


def size_of(entry: dict[str, Any], width: str = "width", height: str = "height") -> Any:
    """(width, height) in pixels, if a file has both of them."""
    both = entry.get(width), entry.get(height)
    fine = all(isinstance(x, (int, float)) and not isinstance(x, bool) and x > 0 for x in both)
    return both if fine else None


def dictionaries(value: Any) -> bool:
    """Whether it is a list of dictionaries, with one at least."""
    return isinstance(value, list) and bool(value) and all(isinstance(x, dict) for x in value)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _kind(value: Any) -> str:
    return f"{len(value)} entries" if isinstance(value, list) else type(value).__name__
