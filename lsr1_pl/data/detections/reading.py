"""From a file or folder to people: finds the format, and asks its reader."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lsr1_pl.data.detections.arrays import read_arrays
from lsr1_pl.data.detections.coco import image_names, read_coco
from lsr1_pl.data.detections.openpose import read_openpose
from lsr1_pl.data.detections.people import Detections, FramePeople
from lsr1_pl.data.detections.photos import is_photo, load_photo, mediapipe_person, people_in
from lsr1_pl.ground.console import encodable
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular

_MOST_BYTES = 256 * 2**20
_LONGEST_NAME = 4096
"""The longest name of a frame, in characters: every name takes as much memory as it."""


def read_detections(path: Path) -> Detections:
    """The people of a file, or of a folder with a file a frame, in natural order.

    Args:
        path: ``.npz`` with ``keypoints`` (n, 18, 2) and, if there, ``confidence`` (n, 18), each
            row a frame; OpenPose's ``.json`` (BODY_25 or COCO's 18); COCO's ``.json``
            (annotations, or a list of results); a photo, in which MediaPipe looks for people; or a
            folder of OpenPose's files or, if it has none, of photos.

    Raises:
        UserError: there is no such file, it is of another format, or it holds no person.
    """
    files = _files_of(path) if path.is_dir() else [path]
    for file in files:
        if file.exists():
            check_regular(file)
    photos = {file.name: file for file in files if is_photo(file)}
    if photos:
        found = _photos(photos)
    elif files[0].suffix == ".json":
        found = [people for file in files for people in _json_file(file)]
    else:
        found = read_arrays(path)
    frames: list[str] = []
    numbers: list[int] = []
    moments: list[int] = []
    for moment, (raw, keypoints, _) in enumerate(found):
        name = encodable(raw)
        if len(name) > _LONGEST_NAME:
            raise UserError(
                f"{path}: the name of frame {moment} is of {len(name)} characters; expected "
                f"{_LONGEST_NAME} at most"
            )
        frames += [name] * len(keypoints)
        numbers += range(len(keypoints))
        moments += [moment] * len(keypoints)
    if not frames:
        wanted = "one whole enough to see its hips and head" if photos else "one in one frame"
        raise UserError(f"{path}: holds no person; expected at least {wanted}")
    return Detections(
        np.concatenate([keypoints for _, keypoints, _ in found]),
        np.concatenate([confidence for _, _, confidence in found]),
        frames,
        np.asarray(numbers),
        np.asarray(moments),
        {encodable(name): file for name, file in photos.items()},
        "mediapipe" if photos else "",
    )


def _files_of(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.json"), key=_natural)
    files = files or sorted(filter(is_photo, folder.iterdir()), key=_natural)
    if not files:
        raise UserError(
            f"{folder}: holds no .json and no photo; expected OpenPose's files or photos, one a "
            "frame"
        )
    return files


def _photos(photos: Mapping[str, Path]) -> list[FramePeople]:
    with mediapipe_person() as find:
        return [(name, *people_in(load_photo(path), find)) for name, path in photos.items()]


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """A key that sorts frame 10 after frame 9."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _json_file(path: Path) -> list[FramePeople]:
    content = _json(path)
    if isinstance(content, dict) and "people" in content:
        return read_openpose(path, content["people"])
    if isinstance(content, dict) and "annotations" in content:
        return read_coco(path, content["annotations"], image_names(content.get("images")))
    if isinstance(content, list):
        return read_coco(path, content, {})
    raise UserError(
        f"{path}: is neither OpenPose's (key 'people') nor COCO's (key 'annotations', or a list "
        "of results)"
    )


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path}: is larger than {_MOST_BYTES >> 20} MiB; split it by frames")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected keypoints as JSON or npz") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from None
