"""COCO's JSON: annotations of a data set, or a list of results, of any set of joints."""

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


def _matches(content: Any) -> bool:
    if isinstance(content, dict):
        return "annotations" in content
    return dictionaries(content) and any("image_id" in each for each in content)


def _read(where: str, content: Any) -> list[Frame]:
    if isinstance(content, list):
        return _frames(where, content, {}, {})
    images = content.get("images")
    listed = images if isinstance(images, list) else []
    known = {str(each["id"]): each for each in listed if isinstance(each, dict) and "id" in each}
    return _frames(where, content["annotations"], known, _joints(where, content.get("categories")))


def _joints(where: str, categories: Any) -> dict[str, tuple[str, ...]]:
    """A category's number -> the names of its keypoints."""
    listed = categories if isinstance(categories, list) else []
    named = {}
    for each in listed:
        if isinstance(each, dict) and "id" in each and each.get("keypoints"):
            names = each["keypoints"]
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise UserError(f"{where}: key 'categories[].keypoints' is no list of joint names")
            named[str(each["id"])] = tuple(names)
    return named


def _frames(
    where: str, entries: Any, images: dict[str, Any], joints: dict[str, tuple[str, ...]]
) -> list[Frame]:
    if not isinstance(entries, list):
        raise UserError(f"{where}: key 'annotations' is no list; expected one entry a person")
    people: dict[str, list[Sighting]] = {image: [] for image in images}
    only = next(iter(joints.values())) if len(joints) == 1 else None
    for number, entry in enumerate(entries):
        place = f"{where}: entry {number}"
        if not isinstance(entry, dict) or "image_id" not in entry:
            raise UserError(f"{place} has no key 'image_id'; expected COCO's keypoints")
        flat = entry.get("keypoints")
        if not flat or (isinstance(flat, list) and not any(flat)):
            continue  # COCO annotates people without keypoints too.
        marks = marks_of(flat, f"{place}, key 'keypoints'")
        names = joints.get(str(entry.get("category_id")), only)
        if names is not None and len(names) != len(marks):
            raise UserError(
                f"{place}, key 'keypoints' is of {len(marks)} keypoints; expected {len(names)}, as "
                "many as its category names"
            )
        identity = identity_of(entry, ("track_id", "idx", "person_id"))
        people.setdefault(str(entry["image_id"]), []).append(Sighting(marks, identity, names))
    return [
        Frame(seen, str(images.get(image, {}).get("file_name", image)), None, _size(images, image))
        for image, seen in people.items()
    ]


def _size(images: dict[str, Any], image: str) -> Any:
    return size_of(images.get(image, {}))


FORMAT = JsonFormat("COCO", _matches, _read)
