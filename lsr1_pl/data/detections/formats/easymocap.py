"""EasyMocap's annotations: a JSON file a frame."""

from __future__ import annotations

from typing import Any

from lsr1_pl.data.detections.frames import (
    Frame,
    JsonFormat,
    Sighting,
    identity_of,
    marks_of,
    size_of,
)
from lsr1_pl.ground.errors import UserError


def _matches(content: Any) -> bool:
    return isinstance(content, dict) and "annots" in content


def _read(where: str, content: dict[str, Any]) -> list[Frame]:
    people = content["annots"]
    if not isinstance(people, list) or not all(isinstance(each, dict) for each in people):
        raise UserError(f"{where}: key 'annots' is no list of people")
    seen = [
        Sighting(
            marks_of(each.get("keypoints"), f"{where}: key 'annots[{k}].keypoints'"),
            identity_of(each, ("personID", "id")),
        )
        for k, each in enumerate(people)
    ]
    return [Frame(seen, size=size_of(content))]


FORMAT = JsonFormat("EasyMocap", _matches, _read, least_confidence=0.01)
