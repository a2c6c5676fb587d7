"""Keypoints as an npz of plain arrays: each row is a frame with one person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.detections.people import Floats, FramePeople
from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError


def read_arrays(path: Path) -> list[FramePeople]:
    """Each row of an npz as a frame.

    Raises:
        UserError: there is no such file, or a key is missing or malformed.
    """
    keypoints, confidence = _npz(path)
    parts = enumerate(zip(keypoints[:, None], confidence[:, None], strict=True))
    return [(f"{path.stem}_{number:06d}", *part) for number, part in parts]


def _npz(path: Path) -> tuple[Floats, Floats]:
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
) -> Floats:
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
