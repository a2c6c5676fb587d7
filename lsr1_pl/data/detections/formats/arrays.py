"""Keypoints as plain arrays, npz or npy: each row is a person, and a frame unless it says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsr1_pl.data.detections.frames import Floats, Frame, Sighting, with_confidence
from lsr1_pl.ground.arrays import Array, load_npy, load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError

POINT_KEYS = ("keypoints", "keypoints_2d", "openpose", "body_keypoints_2d", "part")
"""The usual key, and those of SPIN's and ProHMR's arrays."""
JOINT_KEYS = ("joints3d", "joints_3d", "keypoints3d", "keypoints_3d")
"""The arrays of an npz that are joints in space by their names."""
UNSAID_JOINT_KEY = "joints"
"""An array that is joints in space where ``--dimensions 3`` says so."""
_FRAMES = ("frame", "imgname")
_WANTED = (*POINT_KEYS, *_FRAMES, "confidence", "names", "moment", "person")
LARGEST_CONFIDENCE = 10.0
"""Detectors' scores go to 1, and AlphaPose's former ones to 6."""


def read_arrays(path: Path) -> list[Frame]:
    """The frames of an npz or npy: keypoints (n, J, 2), or (n, J, 3) with the confidence.

    Raises:
        UserError: there is no such file, or an array is missing or malformed.
    """
    arrays = _load(path)
    keys = [key for key in POINT_KEYS if key in arrays]
    if not keys:
        raise UserError(
            f"{path}: key 'keypoints' is missing; expected (n, J, 2), or (n, J, 3) with confidence"
            + _joints_instead(path)
        )
    # SPIN's files hold OpenPose's keypoints as zeros where a data set has none.
    key = next((k for k in keys if arrays[k].dtype.kind in "fiu" and arrays[k].any()), keys[0])
    marks = _marks(path, arrays, key)
    names = names_of(path, arrays, marks.shape[1])
    people = column_of(path, arrays, "person", len(marks), "iu")
    moments = column_of(path, arrays, "moment", len(marks), "iu")
    image_key = next((k for k in _FRAMES if k in arrays), "frame")
    images = column_of(path, arrays, image_key, len(marks), "U")
    frames: dict[tuple[str, int | None], list[Sighting]] = {}
    for row, person in enumerate(marks):
        moment = None if moments is None else int(moments[row])
        name = f"{path.stem}_{row if moment is None else moment:06d}"
        if images is not None:
            name = str(images[row])
        elif moment is None:
            moment = row
        who = None if people is None else int(people[row])
        frames.setdefault((name, moment), []).append(Sighting(person, who, names))
    return [Frame(seen, name, moment) for (name, moment), seen in frames.items()]


def _load(path: Path) -> dict[str, Array]:
    try:
        if path.suffix.lower() == ".npy":
            array = load_npy(path)
            return {"keypoints": array[None] if array.ndim == 2 else array}
        return load_npz(path, _WANTED)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected keypoints as JSON or npz") from None
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: cannot be read as an npz of plain arrays ({error})") from None


def _joints_instead(path: Path) -> str:
    """The end of a message, if an npz without keypoints has what looks like joints in space."""
    try:
        arrays = load_npz(path, (*JOINT_KEYS, UNSAID_JOINT_KEY))
    except DAMAGED_ARRAYS:
        return ""
    for key, array in arrays.items():
        if array.ndim == 3 and array.shape[2] in (3, 4):
            return (
                f". Key '{key}' is there, of shape {array.shape}: if these are joints in space, "
                "say --dimensions 3"
            )
    return ""


def _marks(path: Path, arrays: dict[str, Array], key: str) -> Floats:
    points = arrays[key]
    shape = points.shape
    if (
        len(shape) != 3
        or shape[2] not in (2, 3)
        or not all(shape)
        or points.dtype.kind not in "fiu"
    ):
        raise UserError(
            f"{path}: key '{key}' is {points.dtype} of shape {shape}; expected numbers (n, J, 2), "
            "or (n, J, 3) with confidence, of n people and J keypoints"
        )
    marks = with_confidence(points.astype(np.float64))
    if "confidence" in arrays:
        confidence = arrays["confidence"]
        if confidence.shape != shape[:2] or confidence.dtype.kind not in "fiub":
            raise UserError(
                f"{path}: key 'confidence' is {confidence.dtype} of shape {confidence.shape}; "
                f"expected numbers {shape[:2]}, one for each of '{key}'"
            )
        if shape[2] == 3 and not np.array_equal(points[:, :, 2], confidence):
            raise UserError(
                f"{path}: key '{key}' has three numbers a keypoint, and key 'confidence' is there "
                "too; expected (n, J, 2) beside it: joints in 3D are no keypoints, unless you say "
                "--dimensions 3"
            )
        marks[:, :, 2] = confidence
        return with_confidence(marks)
    told = points[:, :, 2] if shape[2] == 3 else np.zeros(0)
    if ((told < 0) | (told > LARGEST_CONFIDENCE)).any():
        raise UserError(
            f"{path}: key '{key}' has a third number a keypoint from {np.nanmin(told):g} to "
            f"{np.nanmax(told):g}, which is no confidence; joints in 3D are no keypoints, unless "
            "you say --dimensions 3"
        )
    return marks


def names_of(path: Path, arrays: dict[str, Array], count: int) -> tuple[str, ...] | None:
    """The names of the ``count`` keypoints or joints, if the file has the array ``names``.

    Raises:
        UserError: it is no array of as many texts.
    """
    if "names" not in arrays:
        return None
    names = arrays["names"]
    if names.shape != (count,) or names.dtype.kind not in "US":
        raise UserError(
            f"{path}: key 'names' is {names.dtype} of shape {names.shape}; expected {count} texts, "
            "a name for each keypoint"
        )
    return tuple(str(name) for name in names.astype(str).tolist())


def column_of(
    path: Path, arrays: dict[str, Array], key: str, count: int, kinds: str
) -> Array | None:
    """The array ``key``, one entry for each of ``count`` people, if the file has it.

    Args:
        path: of the file, for messages.
        arrays: of the file.
        key: of the array.
        count: how many entries it must have.
        kinds: of numpy's types: ``iu`` for whole numbers, ``U`` for texts.

    Raises:
        UserError: it is of another shape or type.
    """
    if key not in arrays:
        return None
    column = arrays[key]
    if kinds == "U" and column.dtype.kind == "S":
        column = np.char.decode(column, "utf-8", "replace")
    if column.shape != (count,) or column.dtype.kind not in kinds:
        what = "texts" if kinds == "U" else "whole numbers"
        raise UserError(
            f"{path}: key '{key}' is {column.dtype} of shape {column.shape}; expected {count} "
            f"{what}, one a person"
        )
    return column
