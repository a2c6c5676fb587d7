"""AlphaPose's JSON in the forms of CMU-Pose and of OpenPose; its default form is COCO's results."""

from __future__ import annotations

from typing import Any

from lsr1_pl.data.detections.formats.openpose import people_of
from lsr1_pl.data.detections.frames import Frame, JsonFormat, Sighting, identity_of, marks_of
from lsr1_pl.ground.errors import UserError


def _is_frame(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    return "bodies" in content or (
        "people" in content and str(content.get("version", "")).startswith("AlphaPose")
    )


def _matches(content: Any) -> bool:
    if not isinstance(content, dict) or not content:
        return False
    return _is_frame(content) or all(
        isinstance(each, dict) and ("bodies" in each or "people" in each)
        for each in content.values()
    )


def _read(where: str, content: dict[str, Any]) -> list[Frame]:
    if _is_frame(content):
        return [Frame(_people(where, content))]
    return [Frame(_people(f"{where}: '{image}'", each), image) for image, each in content.items()]


def _people(where: str, frame: dict[str, Any]) -> list[Sighting]:
    if "people" in frame:
        return people_of(where, frame["people"])
    bodies = frame["bodies"]
    if not isinstance(bodies, list) or not all(isinstance(body, dict) for body in bodies):
        raise UserError(f"{where}: key 'bodies' is no list of people; expected one entry a person")
    return [
        Sighting(
            marks_of(body.get("joints"), f"{where}: key 'bodies[{number}].joints'"),
            identity_of(body, ("idx",)),
        )
        for number, body in enumerate(bodies)
    ]


FORMAT = JsonFormat("AlphaPose", _matches, _read)
