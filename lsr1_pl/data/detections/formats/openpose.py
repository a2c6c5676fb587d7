"""OpenPose's JSON: a file a frame. Its versions differ in the key of the body and in the model."""

from __future__ import annotations

from typing import Any

from lsr1_pl.data.detections.frames import (
    Frame,
    JsonFormat,
    Sighting,
    dictionaries,
    identity_of,
    marks_of,
    size_of,
)
from lsr1_pl.ground.errors import UserError

_BODY_KEYS = ("pose_keypoints_2d", "pose_keypoints", "body_parts")


def _matches(content: Any) -> bool:
    if dictionaries(content):
        return all("people" in each for each in content)
    return isinstance(content, dict) and "people" in content


def _read(where: str, content: Any) -> list[Frame]:
    if isinstance(content, dict):
        return [Frame(people_of(where, content["people"]), size=_canvas(content))]
    return [
        Frame(people_of(f"{where}: frame {k}", each["people"]), str(k), k, _canvas(each))
        for k, each in enumerate(content)
    ]


def people_of(where: str, people: Any) -> list[Sighting]:
    """The people of a frame. Whoever has a face or hands alone is nobody here.

    Raises:
        UserError: ``people``, the value of a frame's key of that name, is malformed.
    """
    if not isinstance(people, list):
        raise UserError(f"{where}: key 'people' is no list; expected one entry a person")
    found = []
    for number, person in enumerate(people):
        key = next((k for k in _BODY_KEYS if isinstance(person, dict) and k in person), None)
        flat = person[key] if key else None
        if flat == []:
            continue
        marks = marks_of(flat, f"{where}: key 'people[{number}].{key or _BODY_KEYS[0]}'")
        found.append(Sighting(marks, identity_of(person, ("person_id",))))
    return found


def _canvas(content: dict[str, Any]) -> Any:
    """ControlNet's files have the size of the image."""
    return size_of(content, "canvas_width", "canvas_height")


FORMAT = JsonFormat("OpenPose", _matches, _read, least_confidence=0.01)
