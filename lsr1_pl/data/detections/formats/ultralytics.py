"""Ultralytics' results as JSON: the people of an image, or a list of them an image."""

from __future__ import annotations

from typing import Any

from lsr1_pl.data.detections.frames import (
    Frame,
    JsonFormat,
    Sighting,
    dictionaries,
    identity_of,
    marks_of,
    scored_marks,
)
from lsr1_pl.ground.errors import UserError


def _are_people(content: Any) -> bool:
    return dictionaries(content) and all(
        isinstance(each.get("keypoints"), dict) for each in content
    )


def _matches(content: Any) -> bool:
    if _are_people(content):
        return True
    lists = isinstance(content, list) and all(isinstance(each, list) for each in content)
    return lists and any(map(_are_people, content))


def _read(where: str, content: Any) -> list[Frame]:
    if _are_people(content):
        return [Frame(_people(where, content))]
    return [
        Frame(_people(f"{where}: frame {k}", people), str(k), k) for k, people in enumerate(content)
    ]


def _people(where: str, people: Any) -> list[Sighting]:
    found = []
    for number, person in enumerate(people):
        place = f"{where}, person {number}, key 'keypoints'"
        points = person.get("keypoints") if isinstance(person, dict) else None
        if not isinstance(points, dict):
            raise UserError(f"{place} is missing; expected x, y and visible")
        u, v, scores = points.get("x"), points.get("y"), points.get("visible")
        if not isinstance(u, list) or not isinstance(v, list) or len(u) != len(v):
            raise UserError(f"{place}: x and y are no lists of one length")
        pairs = [[a, b] for a, b in zip(u, v, strict=True)]
        marks = scored_marks(pairs, scores, place) if scores else marks_of(pairs, place)
        found.append(Sighting(marks, identity_of(person, ("track_id",))))
    return found


FORMAT = JsonFormat("Ultralytics", _matches, _read)
