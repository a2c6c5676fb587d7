"""MediaPipe's pose landmarks as JSON, in the shapes that programs write them: 33 a person."""

from __future__ import annotations

from typing import Any

from lsr1_pl.data.detections.frames import (
    Floats,
    Frame,
    JsonFormat,
    Sighting,
    dictionaries,
    marks_of,
    number_of,
    size_of,
)
from lsr1_pl.data.detections.joints.mediapipe import BLAZEPOSE33
from lsr1_pl.ground.errors import UserError

_KEYS = ("pose_landmarks", "poseLandmarks", "landmarks")


def _landmarks(content: Any) -> Any:
    """What a frame has for its people: one list of landmarks, or a list of such lists."""
    found = next((content[key] for key in _KEYS if key in content), None)
    return found.get("landmark", found.get("landmarks")) if isinstance(found, dict) else found


def _is_frame(content: Any) -> bool:
    return isinstance(content, dict) and any(key in content for key in _KEYS)


def _is_person(content: Any) -> bool:
    return dictionaries(content) and all("x" in mark and "y" in mark for mark in content)


def _are_people(content: Any) -> bool:
    """One person's landmarks, or a list of several people's."""
    several = isinstance(content, list) and bool(content) and all(map(_is_person, content))
    return several or _is_person(content)


def _matches(content: Any) -> bool:
    if _is_frame(content) or _is_person(content):
        return True
    if not isinstance(content, list) or not content:
        return False
    return all(map(_is_frame, content)) or any(map(_are_people, content))


def _read(where: str, content: Any) -> list[Frame]:
    if _is_frame(content):
        return [_frame(where, content, None)]
    if _is_person(content):
        return [Frame([_person(where, content)])]
    if all(map(_is_frame, content)):
        return [_frame(f"{where}: entry {k}", each, k) for k, each in enumerate(content)]
    return [
        Frame(_people(f"{where}: frame {k}", people), str(k), k) for k, people in enumerate(content)
    ]


def _frame(where: str, frame: dict[str, Any], place: int | None) -> Frame:
    keys = ("frame", "frame_id", "frame_number", "frame_index")
    told = next((number_of(frame[key]) for key in keys if key in frame), None)
    number = place if told is None else told
    people = _people(where, _landmarks(frame))
    return Frame(people, None if number is None else str(number), number, size_of(frame))


def _people(where: str, landmarks: Any) -> list[Sighting]:
    if landmarks is None or landmarks == []:
        return []
    several = isinstance(landmarks, list) and all(isinstance(each, list) for each in landmarks)
    people = landmarks if several else [landmarks]
    return [_person(f"{where}, person {k}", each) for k, each in enumerate(people)]


def _person(where: str, landmarks: Any) -> Sighting:
    if not _is_person(landmarks):
        raise UserError(f"{where} is no list of landmarks with x and y")
    points = [[mark["x"], mark["y"], mark.get("visibility", 1.0)] for mark in landmarks]
    marks: Floats = marks_of(points, f"{where}, landmarks")
    if len(marks) != len(BLAZEPOSE33):
        raise UserError(f"{where} is of {len(marks)} landmarks; expected MediaPipe's 33")
    return Sighting(marks, None, BLAZEPOSE33)


FORMAT = JsonFormat("MediaPipe", _matches, _read, least_confidence=0.5)
