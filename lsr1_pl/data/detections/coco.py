"""COCO's JSON: annotations of a data set, or a list of results, with 17 keypoints."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from lsr1_pl.data.detections.entries import split, triples
from lsr1_pl.data.detections.neck import with_neck
from lsr1_pl.data.detections.people import Floats, FramePeople
from lsr1_pl.ground.errors import UserError

COCO17: tuple[str, ...] = (
    *("nose", "leye", "reye", "lear", "rear"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
    *("left_wrist", "right_wrist", "left_hip", "right_hip"),
    *("left_knee", "right_knee", "left_ankle", "right_ankle"),
)
"""The 17 keypoints of the COCO data set in its order; it has no neck."""

_COCO_ROWS = {name: row for row, name in enumerate(COCO17)}


def image_names(images: Any) -> dict[str, str]:
    """Image's number -> its name: the file's stem, or the whole path where stems repeat."""
    if not isinstance(images, list):
        return {}
    named = [each for each in images if isinstance(each, dict) and "id" in each]
    files = {str(each["id"]): str(each.get("file_name", each["id"])) for each in named}
    stems = {image: Path(file).stem for image, file in files.items()}
    often = Counter(stems.values())
    return {image: files[image] if often[stem] > 1 else stem for image, stem in stems.items()}


def read_coco(path: Path, entries: Any, names: dict[str, str]) -> list[FramePeople]:
    """The people of each image.

    Args:
        path: the file.
        entries: its annotations, or its results.
        names: image's number -> its name, as far as the file tells.

    Raises:
        UserError: an entry is malformed.
    """
    if not isinstance(entries, list):
        raise UserError(f"{path}: key 'annotations' is no list; expected one entry a person")
    by_image: dict[str, list[Floats]] = {}
    for number, entry in enumerate(entries):
        where = f"{path}: entry {number}"
        if not isinstance(entry, dict) or "image_id" not in entry:
            raise UserError(f"{where} has no key 'image_id'; expected COCO's keypoints")
        flat = entry.get("keypoints")
        if not flat or (isinstance(flat, list) and not any(flat)):
            continue  # COCO annotates people without keypoints too.
        points = triples(flat, f"{where}, key 'keypoints'", (17,))
        by_image.setdefault(str(entry["image_id"]), []).append(with_neck(points, _COCO_ROWS))
    return [(names.get(image, image), *split(rows)) for image, rows in by_image.items()]
