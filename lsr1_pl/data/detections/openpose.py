"""OpenPose's JSON: a file a frame, with BODY_25's keypoints or COCO's 18."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsr1_pl.data.detections.entries import split, triples
from lsr1_pl.data.detections.people import FramePeople
from lsr1_pl.ground.errors import UserError

_BODY25_TO_COCO18 = (*range(8), *range(9, 19))
"""BODY_25 has the middle of the hips at 8, and feet from 19 on."""


def read_openpose(path: Path, people: Any) -> list[FramePeople]:
    """The frame that a file holds.

    Raises:
        UserError: ``people``, the value of its key of that name, is malformed.
    """
    if not isinstance(people, list):
        raise UserError(f"{path}: key 'people' is no list; expected one entry a person")
    rows = []
    for number, person in enumerate(people):
        where = f"{path}: key 'people[{number}].pose_keypoints_2d'"
        flat = person.get("pose_keypoints_2d") if isinstance(person, dict) else None
        points = triples(flat, where, (18, 25))
        rows.append(points[list(_BODY25_TO_COCO18)] if len(points) == 25 else points)
    return [(path.stem.removesuffix("_keypoints"), *split(rows))]
