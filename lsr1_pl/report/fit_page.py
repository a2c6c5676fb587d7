"""The page of ``lsr1 predict``: a player of fitted people over time, in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.ground.console import plain
from lsr1_pl.ground.files import written
from lsr1_pl.report.bodies.photo import embedded_photo
from lsr1_pl.report.html import render
from lsr1_pl.report.packing import FARTHEST, MISSING, around, base64_of, bits, fixed_point

Floats = NDArray[np.float64]

BONES: tuple[tuple[int, int], ...] = (
    *((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7)),
    *((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((0, 14), (14, 16), (0, 15), (15, 17)),
)
"""The bones between OpenPose's 18 keypoints."""

RIGHT_COLOUR, LEFT_COLOUR = "#d62728", "#1f77b4"
"""The fitted bones of the body's right and left; they are dotted where one end was not seen."""

BODY_COLOUR = "#a9bdd9"

_HIPS = [8, 11]
_LONGEST_NAME = 100
_MOST_STEPS = 64
_MILLIMETRES = 1000.0


@dataclass(frozen=True)
class Status:
    """What a fit may be, as the page shows it."""

    name: str
    colour: str
    """``#rrggbb``."""


@dataclass(frozen=True)
class FrameList:
    """F frames in the order in which the page plays them."""

    names: Sequence[str]
    moment: NDArray[np.int64]
    """(F,) each one's number in its recording."""
    clip: NDArray[np.int64]
    """(F,) the number of its recording."""


@dataclass(frozen=True)
class Picture:
    """How people are seen from one place: an image of F frames, or people in space from afar."""

    title: str
    view: Floats
    """(F, 4) left, top, right and bottom in pixels of what is shown."""
    keypoints: Floats
    """(n, J, 2) pixels of what the fits were made of; NaN where it did not count."""
    projected: Floats
    """(n, 18, 2) pixels of the fit."""
    photos: Mapping[int, Path] = field(default_factory=dict)
    """The photo of a frame, by its place; those that the page is to hold."""


@dataclass(frozen=True)
class ErrorUnit:
    """How the page writes errors."""

    name: str
    """What follows the number."""
    digits: int
    """After the point."""


IN_BOXES = ErrorUnit("of the keypoints' box", 4)


@dataclass(frozen=True)
class FittedPeople:
    """n fits, ordered by frame."""

    frame: NDArray[np.int64]
    """(n,) the place of each one's frame, never falling."""
    person: NDArray[np.int64]
    """(n,) the person's number."""
    status: NDArray[np.int64]
    """(n,) the place among the page's statuses."""
    exchanged: NDArray[np.bool_]
    """(n,) whether left and right were exchanged."""
    seen: NDArray[np.bool_]
    """(n, 18) which points were seen; bones with an end that was not are dotted."""
    joints: Floats
    """(n, 18, 3) metres: x to the right of the picture, y up, z towards the camera."""
    error: Floats
    """(n,) of what was seen, in the page's unit."""
    error_by_step: Floats
    """(n, K + 1) in the same unit; (n, 0) if nobody kept it."""
    meshes: Mapping[int, Floats] = field(default_factory=dict)
    """(V, 3) metres in the axes of ``joints``, by fit: of those whose body the page turns."""
    given: Floats | None = None
    """(n, J, 3) metres in the axes of ``joints``: what was fitted in space; NaN where missing."""


@dataclass(frozen=True)
class FitPage:
    """What the page of a run shows."""

    title: str
    summary: str
    statuses: Sequence[Status]
    frames: FrameList
    people: FittedPeople
    pictures: Sequence[Picture]
    """One at least; the page shows the first, and the others when asked."""
    faces: NDArray[np.integer]
    """(F, 3) vertex numbers of the body; below 65,536."""
    sequence: bool = True
    """Whether the frames follow each other in time; else each is a picture of its own."""
    fps: float = 30.0
    points: str = "keypoints"
    """What the fits were made of."""
    unit: ErrorUnit = IN_BOXES


def write_fit_page(path: Path, page: FitPage) -> None:
    """One self-contained page, which opens offline; written whole or not at all.

    A fit takes about 0.4 kB in it, a mesh 50 kB, and a photo 100 kB at most.

    Raises:
        UserError: a photo cannot be read.
    """
    text = render(
        "fit_page.html.j2",
        title=page.title,
        summary=page.summary,
        statuses=page.statuses,
        points=page.points,
        several=len(page.pictures) > 1,
        of_images=page.people.given is None,
        with_steps=page.people.error_by_step.shape[1] > 0,
        right=RIGHT_COLOUR,
        left=LEFT_COLOUR,
        data=_data(page),
    )
    with written(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _data(page: FitPage) -> dict[str, Any]:
    people = page.people
    numbers, who = np.unique(people.person, return_inverse=True)
    hips = people.joints[:, _HIPS].mean(axis=1)
    return {
        "bones": [[a, b, _colour(a, b)] for a, b in BONES],
        "bodyColour": BODY_COLOUR,
        "statuses": [[status.name, status.colour] for status in page.statuses],
        "sequence": page.sequence,
        "fps": page.fps,
        "points": page.points,
        "unit": [page.unit.name, page.unit.digits],
        "persons": numbers.tolist(),
        "frames": _frames(page),
        "pictures": [_picture(picture) for picture in page.pictures],
        "rows": _rows(people, hips, who.reshape(-1)),
        "meshes": [
            {"row": row, "points": _from_hips(mesh, hips[row])}
            for row, mesh in people.meshes.items()
        ],
        "faces": base64_of(page.faces, "<u2"),
    }


def _colour(a: int, b: int) -> str:
    """The bone's: that of the side of its outer end."""
    outer = max(a, b) if a != 0 else b
    if outer in (2, 3, 4, 8, 9, 10, 14, 16):
        return RIGHT_COLOUR
    return LEFT_COLOUR if outer != 1 else "#30363d"


def _frames(page: FitPage) -> dict[str, Any]:
    frames = page.frames
    first = np.searchsorted(page.people.frame, np.arange(len(frames.names) + 1))
    return {
        "names": [_short(plain(name)) for name in frames.names],
        # What follows each other in time needs no more than the steps.
        "wait": base64_of(_waits(frames), "<f4"),
        "first": base64_of(first, "<u4"),
    }


def _picture(picture: Picture) -> dict[str, Any]:
    grid = around(picture.keypoints)
    return {
        "title": plain(picture.title),
        "count": picture.keypoints.shape[1],
        "view": base64_of(picture.view, "<f4"),
        "grid": base64_of(grid, "<f4"),
        "keypoints": base64_of(fixed_point(picture.keypoints, grid), "<i2"),
        "projected": base64_of(fixed_point(picture.projected, grid), "<i2"),
        "photos": {
            place: embedded_photo(photo, _box(picture.view[place]))
            for place, photo in picture.photos.items()
        },
    }


def _box(view: Floats) -> tuple[float, float, float, float]:
    left, top, right, bottom = view.tolist()
    return left, top, right, bottom


def _waits(frames: FrameList) -> Floats:
    """(F,) frames until the next one is due; 1 where another recording begins."""
    waits = np.ones(len(frames.names))
    same = np.diff(frames.clip) == 0
    waits[:-1][same] = np.diff(frames.moment)[same]
    return waits


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _from_hips(points: Floats, hips: Floats) -> str:
    """Millimetres from the hips, as text; what is not finite is :data:`MISSING`."""
    away = _MILLIMETRES * (points - hips)
    known = np.isfinite(away).all(axis=-1, keepdims=True)
    near = np.rint(np.nan_to_num(away).clip(-FARTHEST, FARTHEST))
    return base64_of(np.where(known, near, MISSING), "<i2")


def _rows(people: FittedPeople, hips: Floats, who: NDArray[np.int64]) -> dict[str, Any]:
    away = _MILLIMETRES * np.abs(people.joints - hips[:, None])
    reach = np.nan_to_num(away.max(axis=(1, 2)))
    steps = people.error_by_step.shape[1]
    shown = np.unique(np.linspace(0, steps - 1, min(steps, _MOST_STEPS)).round().astype(int))
    given = people.given
    return {
        "person": base64_of(who, "<u4"),
        "status": base64_of(people.status, "u1"),
        "exchanged": base64_of(people.exchanged, "u1"),
        "seen": base64_of(bits(people.seen), "<u4"),
        "error": base64_of(people.error, "<f4"),
        "joints": _from_hips(people.joints, hips[:, None]),
        "given": "" if given is None else _from_hips(given, hips[:, None]),
        "givenCount": 0 if given is None else given.shape[1],
        "reach": float(np.quantile(reach, 0.99)) if len(reach) else _MILLIMETRES,
        "steps": shown.tolist(),
        "stepError": base64_of(people.error_by_step[:, shown], "<f4"),
    }
