"""DeepLabCut's CSV: a row a frame, and above them who, which joint, and which number it is."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from lsr1_pl.data.detections.frames import Frame, Sighting, with_confidence
from lsr1_pl.ground.errors import UserError

_HEADS = ("scorer", "individuals", "bodyparts", "coords")


def read_deeplabcut(path: Path) -> list[Frame]:
    """The frames of a file, with one person or several.

    Raises:
        UserError: it is no CSV of DeepLabCut's.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = [row for row in csv.reader(file) if row]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected keypoints") from None
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from None
    heads = {row[0]: row for row in table[:4] if row[0] in _HEADS}
    if not {"bodyparts", "coords"} <= set(heads) or any(len(row) != len(table[0]) for row in table):
        raise UserError(
            f"{path}: has no rows 'bodyparts' and 'coords'; expected a CSV as DeepLabCut writes it"
        )
    columns = _columns(path, heads)
    rows = table[len(heads) :]
    return [
        Frame([_person(path, row, who, columns[who]) for who in columns], *_which(row, k))
        for k, row in enumerate(rows)
    ]


Columns = dict[str, dict[str, dict[str, int]]]


def _columns(path: Path, heads: dict[str, list[str]]) -> Columns:
    """Who -> joint -> x, y or likelihood -> column."""
    parts, coords = heads["bodyparts"], heads["coords"]
    people = heads.get("individuals", [""] * len(parts))
    columns: Columns = {}
    for column, (who, part, coord) in enumerate(zip(people, parts, coords, strict=True)):
        if column and coord in ("x", "y", "likelihood") and who != "single":
            columns.setdefault(who, {}).setdefault(part, {})[coord] = column
    whole = all({"x", "y"} <= set(each) for parts in columns.values() for each in parts.values())
    if not columns or not whole:
        raise UserError(f"{path}: a joint in row 'bodyparts' has no column x or y in row 'coords'")
    return columns


def _person(path: Path, row: list[str], who: str, joints: dict[str, dict[str, int]]) -> Sighting:
    def number(column: int) -> float:
        text = row[column].strip()
        try:
            return float(text) if text else float("nan")
        except ValueError:
            raise UserError(f"{path}: row '{row[0]}' holds '{text}'; expected a number") from None

    scored = all("likelihood" in each for each in joints.values())
    keys = ("x", "y", "likelihood") if scored else ("x", "y")
    points = np.array([[number(each[key]) for key in keys] for each in joints.values()])
    return Sighting(with_confidence(points), who or None, tuple(joints))


def _which(row: list[str], place: int) -> tuple[str, int | None]:
    """A frame's name and number; labelled images have their path, in up to three columns."""
    if row[0].isdecimal() and len(row[0]) < 18:
        return row[0], int(row[0])
    path = "/".join(part for part in row[:3] if part and not _is_float(part))
    return (path, None) if path else (str(place), place)


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
