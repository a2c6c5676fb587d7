"""People as detectors write them: OpenPose's JSON, COCO's JSON, plain npz; and photos."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.neck import with_neck
from lsr1_pl.data.photos import is_photo, load_photo, mediapipe_person, people_in
from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.ground.console import encodable
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular

_BODY25_TO_COCO18 = (*range(8), *range(9, 19))
"""BODY_25 has the middle of the hips at 8, and feet from 19 on."""

COCO17: tuple[str, ...] = (
    *("nose", "leye", "reye", "lear", "rear"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
    *("left_wrist", "right_wrist", "left_hip", "right_hip"),
    *("left_knee", "right_knee", "left_ankle", "right_ankle"),
)
"""The 17 keypoints of the COCO data set in its order; it has no neck."""

_COCO_ROWS = {name: row for row, name in enumerate(COCO17)}

_MOST_BYTES = 256 * 2**20
_LONGEST_NAME = 4096
"""Of a frame, in characters: every name takes as much memory as the longest."""
_FARTHEST = 1e15
"""In pixels; what is farther off overflows single precision in a fit, and shows no person."""


@dataclass(frozen=True)
class Detections:
    """n people in the frames of an input, frame by frame."""

    keypoints: NDArray[np.float64]
    """(n, 18, 2) in pixels, u to the right and v down, in OpenPose's order of 18."""
    confidence: NDArray[np.float64]
    """(n, 18), 0 where not detected."""
    frame: list[str]
    """n names of frames: the file's, or the image's number. Where images of a COCO file differ in
    their folder or ending alone, with these."""
    person: NDArray[np.int64]
    """(n,) the person's number within its frame."""
    moment: NDArray[np.int64]
    """(n,) the frame's number in the input, frames without people counted too."""
    photos: Mapping[str, Path] = field(default_factory=dict)
    """Of each frame that is a photo, its file."""


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
        found = _rows(path.stem, *_npz(path))
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
    )


_People = tuple[str, NDArray[np.float64], NDArray[np.float64]]
"""A frame's name, its keypoints (n, 18, 2) and their confidence (n, 18)."""


def _files_of(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.json"), key=_natural)
    files = files or sorted(filter(is_photo, folder.iterdir()), key=_natural)
    if not files:
        raise UserError(
            f"{folder}: holds no .json and no photo; expected OpenPose's files or photos, one a "
            "frame"
        )
    return files


def _photos(photos: Mapping[str, Path]) -> list[_People]:
    with mediapipe_person() as find:
        return [(name, *people_in(load_photo(path), find)) for name, path in photos.items()]


def _rows(
    stem: str, keypoints: NDArray[np.float64], confidence: NDArray[np.float64]
) -> list[_People]:
    """Each row of an npz as a frame."""
    parts = enumerate(zip(keypoints[:, None], confidence[:, None], strict=True))
    return [(f"{stem}_{number:06d}", *part) for number, part in parts]


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """So that frame 10 comes after frame 9."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _json_file(path: Path) -> list[_People]:
    content = _json(path)
    if isinstance(content, dict) and "people" in content:
        return [(path.stem.removesuffix("_keypoints"), *_openpose(path, content["people"]))]
    if isinstance(content, dict) and "annotations" in content:
        return _coco(path, content["annotations"], _image_names(content.get("images")))
    if isinstance(content, list):
        return _coco(path, content, {})
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


def _openpose(path: Path, people: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not isinstance(people, list):
        raise UserError(f"{path}: key 'people' is no list; expected one entry a person")
    rows = []
    for number, person in enumerate(people):
        where = f"{path}: key 'people[{number}].pose_keypoints_2d'"
        flat = person.get("pose_keypoints_2d") if isinstance(person, dict) else None
        triples = _triples(flat, where, (18, 25))
        rows.append(triples[list(_BODY25_TO_COCO18)] if len(triples) == 25 else triples)
    return _split(rows)


def _image_names(images: Any) -> dict[Any, str]:
    if not isinstance(images, list):
        return {}
    named = [each for each in images if isinstance(each, dict) and "id" in each]
    files = {str(each["id"]): str(each.get("file_name", each["id"])) for each in named}
    stems = {image: Path(file).stem for image, file in files.items()}
    often = Counter(stems.values())
    return {image: files[image] if often[stem] > 1 else stem for image, stem in stems.items()}


def _coco(path: Path, entries: Any, names: dict[Any, str]) -> list[_People]:
    if not isinstance(entries, list):
        raise UserError(f"{path}: key 'annotations' is no list; expected one entry a person")
    by_image: dict[str, list[NDArray[np.float64]]] = {}
    for number, entry in enumerate(entries):
        where = f"{path}: entry {number}"
        if not isinstance(entry, dict) or "image_id" not in entry:
            raise UserError(f"{where} has no key 'image_id'; expected COCO's keypoints")
        flat = entry.get("keypoints")
        if not flat or (isinstance(flat, list) and not any(flat)):
            continue  # COCO annotates people without keypoints too.
        triples = _triples(flat, f"{where}, key 'keypoints'", (17,))
        by_image.setdefault(str(entry["image_id"]), []).append(with_neck(triples, _COCO_ROWS))
    return [(names.get(image, image), *_split(rows)) for image, rows in by_image.items()]


def _triples(flat: Any, where: str, counts: tuple[int, ...]) -> NDArray[np.float64]:
    """(J, 3) of u, v and confidence."""
    wanted = " or ".join(str(3 * count) for count in counts)
    numbers = isinstance(flat, list) and all(
        isinstance(x, (int, float)) and not isinstance(x, bool) for x in flat
    )
    if not numbers or len(flat) not in [3 * count for count in counts]:
        got = f"{len(flat)} entries" if isinstance(flat, list) else type(flat).__name__
        raise UserError(
            f"{where} is {got}; expected {wanted} numbers: u, v, confidence by keypoint"
        )
    try:
        triples = np.asarray(flat, dtype=np.float64).reshape(-1, 3)
    except OverflowError:
        raise UserError(f"{where} holds a number beyond double precision") from None
    return triples


def _split(
    rows: list[NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    stacked = np.stack(rows) if rows else np.zeros((0, len(COCO18), 3))
    return stacked[:, :, :2], stacked[:, :, 2]


def _npz(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        arrays = load_npz(path, ("keypoints", "confidence"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected keypoints as JSON or npz") from None
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: cannot be read as an npz of plain arrays ({error})") from None
    count = len(COCO18)
    keypoints = _array(path, arrays, "keypoints", (count, 2))
    if "confidence" not in arrays:
        return keypoints, np.ones(keypoints.shape[:2])
    confidence = _array(path, arrays, "confidence", (count,))
    if len(confidence) != len(keypoints):
        raise UserError(
            f"{path}: key 'confidence' is of {len(confidence)} people, 'keypoints' of "
            f"{len(keypoints)}; expected the same people in both"
        )
    return keypoints, confidence


def _array(
    path: Path, arrays: dict[str, NDArray[np.generic]], key: str, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    wanted = f"(n, {', '.join(map(str, shape))})"
    if key not in arrays:
        raise UserError(f"{path}: key '{key}' is missing; expected {wanted}")
    array = arrays[key]
    if array.shape[1:] != shape or not len(array) or array.dtype.kind not in "fiu":
        raise UserError(
            f"{path}: key '{key}' is {array.dtype} of shape {array.shape}; expected numbers "
            f"{wanted}, in OpenPose's order of 18: {', '.join(COCO18)}"
        )
    return array.astype(np.float64)


def visible(detections: Detections, least_confidence: float) -> NDArray[np.bool_]:
    """(n, 18): which keypoints count: of that confidence at least, and within 1e15 pixels."""
    if not math.isfinite(least_confidence):
        raise UserError(f"least_confidence is {least_confidence}; it must be finite")
    near = (np.abs(detections.keypoints) <= _FARTHEST).all(axis=2)
    seen: NDArray[np.bool_] = near & (detections.confidence >= least_confidence)
    return seen
