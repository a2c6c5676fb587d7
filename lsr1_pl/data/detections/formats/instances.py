"""JSON with a list of people a frame: MMPose, its inferencer, and OpenPifPaf."""

from __future__ import annotations

from typing import Any

from lsr1_pl.data.detections.frames import (
    Floats,
    Frame,
    JsonFormat,
    Sighting,
    dictionaries,
    identity_of,
    marks_of,
    number_of,
    scored_marks,
)
from lsr1_pl.ground.errors import UserError


def _matches(content: Any) -> bool:
    if isinstance(content, dict):
        return "instance_info" in content or (
            isinstance(content.get("predictions"), list) and "image_id" not in content
        )
    if isinstance(content, list) and content and isinstance(content[0], list):
        return _are_people(content[0])
    return _are_people(content) or (
        dictionaries(content) and all(_instances(each) is not None for each in content)
    )


def _are_people(content: Any) -> bool:
    return dictionaries(content) and all(
        isinstance(each.get("keypoints"), list) and "image_id" not in each for each in content
    )


def _instances(frame: dict[str, Any]) -> Any:
    """MMPose's key, and OpenPifPaf's."""
    return frame.get("instances", frame.get("predictions"))


def _read(where: str, content: Any) -> list[Frame]:
    names = None
    if isinstance(content, dict):
        names = _names(content.get("meta_info"))
        content = content.get("instance_info", content.get("predictions"))
    if not isinstance(content, list):
        raise UserError(f"{where}: key 'instance_info' is no list; expected frames or people")
    if content and isinstance(content[0], list):
        return [
            Frame(_people(f"{where}: frame {k}", people, names), str(k), k)
            for k, people in enumerate(content)
        ]
    if not content or _are_people(content):
        return [Frame(_people(where, content, names))]
    frames = []
    for k, each in enumerate(content):
        if not isinstance(each, dict) or not isinstance(_instances(each), list):
            raise UserError(f"{where}: entry {k} has no key 'instances'; expected a frame's people")
        number = number_of(each.get("frame_id", each.get("frame", k)))
        name = str(k if number is None else number)
        people = _people(f"{where}: entry {k}", _instances(each), names)
        frames.append(Frame(people, name, number))
    return frames


def _names(meta: Any) -> tuple[str, ...] | None:
    table = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if isinstance(table, dict) and all(str(k).isdecimal() for k in table):
        ordered = sorted(table.items(), key=lambda item: int(item[0]))
        if [int(k) for k, _ in ordered] == list(range(len(ordered))):
            return tuple(str(name) for _, name in ordered)
    return None


def _people(where: str, people: Any, names: tuple[str, ...] | None) -> list[Sighting]:
    if not isinstance(people, list) or not all(isinstance(each, dict) for each in people):
        raise UserError(f"{where} is no list of people; expected one entry a person")
    found = []
    for number, each in enumerate(people):
        marks = _marks(each, f"{where}, person {number}, key 'keypoints'")
        if len(marks):
            found.append(Sighting(marks, identity_of(each, ("track_id", "id_", "idx")), names))
    return found


def _marks(person: dict[str, Any], where: str) -> Floats:
    scores = person.get("keypoint_scores")
    if scores is None:
        return marks_of(person.get("keypoints"), where)
    return scored_marks(person.get("keypoints"), scores, where)


FORMAT = JsonFormat("MMPose", _matches, _read)
