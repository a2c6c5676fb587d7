"""Which files of an input hold keypoints or photos, and what each of them says."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsr1_pl.data.detections.formats import (
    alphapose,
    coco,
    easymocap,
    instances,
    mediapipe,
    openpose,
    ultralytics,
)
from lsr1_pl.data.detections.formats.arrays import read_arrays
from lsr1_pl.data.detections.formats.deeplabcut import read_deeplabcut
from lsr1_pl.data.detections.formats.yolo import read_yolo
from lsr1_pl.data.detections.frames import Frame, JsonFormat
from lsr1_pl.data.detections.photos import is_photo
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular

FORMATS: tuple[JsonFormat, ...] = (
    alphapose.FORMAT,
    openpose.FORMAT,
    coco.FORMAT,
    easymocap.FORMAT,
    mediapipe.FORMAT,
    ultralytics.FORMAT,
    instances.FORMAT,
)
"""The formats of JSON, in the order in which they are asked."""

_PLAIN = {
    ".npz": read_arrays,
    ".npy": read_arrays,
    ".csv": read_deeplabcut,
    ".txt": read_yolo,
}
_LEAST_CONFIDENCE = 0.3
_VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
_MOST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Content:
    """What a file or a folder says: frames with keypoints, or photos alone."""

    frames: list[Frame]
    least_confidence: float
    photos: list[Path] = field(default_factory=list)
    """The photos beside the keypoints, or those in which people are to be looked for."""
    skipped: list[str] = field(default_factory=list)
    """What was left out, and why."""


def read_content(path: Path) -> Content:
    """The frames of a file, or of a folder with a file a frame.

    Of a folder, files that hold no keypoints or cannot be read are left out and listed. If it has
    photos and no file of keypoints, there are no frames yet.

    Raises:
        UserError: it is no such file, or nothing is left of the folder.
    """
    if not path.is_dir():
        return _one(path)
    below = path / "keypoints"
    if not _keypoint_files(path) and below.is_dir():
        return _folder(below, _photos_beside(path / "images"))
    return _folder(path, _photos_beside(path))


def natural(path: Path) -> list[tuple[int, int, str]]:
    """A key that sorts frame 10 after frame 9."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _one(path: Path) -> Content:
    suffix = path.suffix.lower()
    if is_photo(path):
        return Content([], _LEAST_CONFIDENCE, [path])
    if suffix in _VIDEOS:
        raise UserError(_how_to_read(path))
    if path.exists():
        _check(path)
    if suffix == ".json":
        chosen, frames = _json_file(path)
        return Content(_with_names(frames, path), chosen.least_confidence)
    if suffix in _PLAIN:
        return Content(_with_names(_PLAIN[suffix](path), path), _LEAST_CONFIDENCE)
    if not path.exists():
        raise UserError(f"{path}: no such file; expected keypoints, a photo, or a folder of them")
    raise UserError(
        f"{path}: files '{path.suffix}' are not known; expected keypoints as .json, .npz, .npy, "
        ".csv or .txt, or a photo"
    )


def _how_to_read(video: Path) -> str:
    """Ways from a video to keypoints, each a line to copy."""
    name = shlex.quote(str(video))
    return (
        f"{video}: is a video; expected the keypoints of its frames. One of these finds them:\n"
        f"  OpenPose: openpose.bin --video {name} --write_json keypoints --display 0 "
        "--render_pose 0\n"
        f"  MMPose: python demo/inferencer_demo.py {name} --pose2d human --pred-out-dir keypoints\n"
        f"  MediaPipe, of lsr1_pl[photo]: mkdir frames && ffmpeg -i {name} frames/%06d.jpg\n"
        "Then: lsr1 predict keypoints (or frames) --sequence yes --track"
    )


def _folder(folder: Path, photos: list[Path]) -> Content:
    files = _keypoint_files(folder)
    read: list[tuple[Path, str, float, list[Frame]]] = []
    skipped: list[str] = []
    refusals: list[UserError] = []
    for file in files:
        try:
            _check(file)
            if file.suffix.lower() == ".json":
                chosen, frames = _json_file(file)
                read.append((file, chosen.name, chosen.least_confidence, frames))
            else:
                reader = _PLAIN[file.suffix.lower()]
                read.append((file, file.suffix.lower(), _LEAST_CONFIDENCE, reader(file)))
        except UserError as error:
            refusals.append(error)
            skipped.append(f"{file.name} ({_reason(error, file)})")
    if not read:
        if photos:
            return Content([], _LEAST_CONFIDENCE, photos, skipped)
        if refusals:
            raise refusals[0]
        raise UserError(
            f"{folder}: holds no .json and no photo; expected OpenPose's files or photos, one a "
            "frame"
        )
    # An empty list is of any format.
    common = Counter(name for _, name, _, frames in read if any(f.people for f in frames))
    usual = common.most_common(1)[0][0] if common else read[0][1]
    kept: list[Frame] = []
    least = _LEAST_CONFIDENCE
    for file, name, confidence, frames in read:
        if name == usual:
            least = confidence
        elif any(frame.people for frame in frames):
            skipped.append(f"{file.name} (is {name}'s among files of {usual})")
            continue
        kept += _with_names(frames, file)
    return Content(kept, least, photos, skipped)


def _reason(error: UserError, file: Path) -> str:
    return str(error).removeprefix(str(file)).removeprefix(":").strip().split(";")[0]


def _with_names(frames: Sequence[Frame], file: Path) -> list[Frame]:
    """A frame that is a whole file is named after the file."""
    stem = re.sub(r"_keypoints$", "", file.stem)
    return [frame if frame.name is not None else frame._replace(name=stem) for frame in frames]


def _keypoint_files(folder: Path) -> list[Path]:
    """The JSON files of a folder, else its files of Ultralytics' labels, in natural order."""
    files = _visible(folder)
    suffixes = (".json",) if any(map(is_photo, files)) else (".json", ".txt")
    for suffix in suffixes:
        chosen = [file for file in files if file.suffix.lower() == suffix]
        if chosen:
            return sorted(chosen, key=natural)
    return []


def _photos_beside(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(filter(is_photo, _visible(folder)), key=natural)


def _visible(folder: Path) -> list[Path]:
    """A folder's files but hidden ones, as ``._f.json`` that macOS leaves."""
    try:
        return [file for file in folder.iterdir() if not file.name.startswith(".")]
    except OSError as error:
        raise UserError(f"{folder}: the folder cannot be read ({error.strerror})") from None


def _json_file(path: Path) -> tuple[JsonFormat, list[Frame]]:
    content = _json(path)
    for each in FORMATS:
        if each.matches(content):
            frames = each.read(str(path), content)
            _check_one_number(path, frames)
            return each, frames
    if content == []:
        return instances.FORMAT, [Frame([])]
    raise UserError(
        f"{path}: holds no keypoints of a known format; expected OpenPose's (key 'people'), COCO's "
        "(key 'annotations', or a list of results), or another that docs/predict.md lists"
    )


def _check_one_number(path: Path, frames: Sequence[Frame]) -> None:
    """Refuse people whose joints have no names and are of different numbers."""
    first: dict[int, str] = {}
    people: Counter[int] = Counter()
    for place, frame in enumerate(frames):
        for who in frame.people:
            if who.joints is None:
                people[len(who.marks)] += 1
                first.setdefault(len(who.marks), str(place) if frame.name is None else frame.name)
    if len(people) > 1:
        parts = [
            f"{count} of {people[count]} (first in frame {first[count]})"
            for count in sorted(people)
        ]
        raise UserError(
            f"{path}: people differ in their number of keypoints: {', '.join(parts)}; expected one "
            "number in a file, as of one detector. Give each number a file of its own"
        )


def _check(path: Path) -> None:
    check_regular(path)
    if path.suffix.lower() not in (".npz", ".npy") and path.stat().st_size > _MOST_BYTES:
        raise UserError(f"{path}: is larger than {_MOST_BYTES >> 20} MiB; split it by frames")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected keypoints as JSON or npz") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from None
