"""People's joints in space from npz and npy files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.detections.formats.arrays import JOINT_KEYS, UNSAID_JOINT_KEY, column_of, names_of
from lsr1_pl.data.detections.frames import Floats
from lsr1_pl.data.detections.joints3d.sets import (
    PointSet,
    counted_points,
    named_points,
    point_set,
)
from lsr1_pl.ground.arrays import Array, load_npy, load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError

_OTHER_KEYS = (UNSAID_JOINT_KEY, "keypoints")
"""Arrays that are joints in space where ``--dimensions 3`` says so."""

_FARTHEST = 1e7
"""Beyond, in any unit, single precision does not hold a millimetre."""


@dataclass(frozen=True)
class Joints3D:
    """n people's joints in space."""

    joints: Floats
    """(n, J, 3) in one unit; 0 where missing."""
    confidence: Floats
    """(n, J) from 0 to 1, 0 where missing."""
    points: PointSet
    frame: list[str]
    """n names of frames."""
    moment: NDArray[np.int64]
    """(n,) the frame's number."""
    person: NDArray[np.int64]
    """(n,) who it is."""


def read_joints3d(
    path: Path, joints: str | None = None, least_confidence: float | None = None
) -> Joints3D:
    """The people of an npz or npy: joints (n, J, 3), or (n, J, 4) with the confidence.

    Args:
        path: of the file.
        joints: the name of the joint set; without it the file's ``names``, or the number J.
        least_confidence: from which on a joint counts; above 0 unless it is given.

    Raises:
        UserError: there is no such file, an array is missing or malformed, the set is not clear,
            or no joint is there.
    """
    arrays = _load(path)
    key, points = _points(path, arrays)
    count, size = points.shape[:2]
    chosen = _set(path, key, size, joints, names_of(path, arrays, size))
    confidence = _confidence(path, arrays, key, points, least_confidence)
    if not confidence.any():
        raise UserError(
            f"{path}: key '{key}' has no joint that is there: all are NaN, at 0, or without "
            "confidence"
        )
    where = np.where(confidence[:, :, None] > 0, points[:, :, :3], 0.0)
    moments = column_of(path, arrays, "moment", count, "iu")
    people = column_of(path, arrays, "person", count, "iu")
    frames = column_of(path, arrays, "frame", count, "U")
    moment = np.arange(count) if moments is None else moments.astype(np.int64)
    if people is None and len(np.unique(moment)) < count:
        raise UserError(
            f"{path}: key 'moment' has several people in one frame; say who is who by key 'person',"
            f" {count} whole numbers"
        )
    person = np.zeros(count, np.int64) if people is None else people.astype(np.int64)
    if len({*zip(moment.tolist(), person.tolist(), strict=True)}) < count:
        raise UserError(f"{path}: keys 'moment' and 'person' have somebody twice in one frame")
    names_of_frames = (
        [f"{path.stem}_{number:06d}" for number in moment.tolist()]
        if frames is None
        else [str(frame) for frame in frames]
    )
    return Joints3D(where, confidence, chosen, names_of_frames, moment, person)


def _set(
    path: Path, key: str, size: int, joints: str | None, names: tuple[str, ...] | None
) -> PointSet:
    if joints is None:
        return counted_points(size, str(path)) if not names else named_points(names, str(path))
    chosen = point_set(joints)
    if len(chosen.names) != size:
        raise UserError(
            f"{path}: key '{key}' has {size} joints a person; {chosen.name} has {len(chosen.names)}"
        )
    return chosen


def _load(path: Path) -> dict[str, Array]:
    suffix = path.suffix.lower()
    if suffix not in (".npz", ".npy"):
        raise UserError(
            f"{path}: joints in space are read from .npz (key 'joints3d') and .npy, (n, J, 3)"
        )
    try:
        if suffix == ".npy":
            array = load_npy(path)
            return {JOINT_KEYS[0]: array[None] if array.ndim == 2 else array}
        wanted = (*JOINT_KEYS, *_OTHER_KEYS, "confidence", "names", "moment", "person", "frame")
        return load_npz(path, wanted)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected joints in space, npz or npy") from None
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: cannot be read as plain arrays ({error})") from None


def _points(path: Path, arrays: dict[str, Array]) -> tuple[str, Floats]:
    keys = [key for key in JOINT_KEYS if key in arrays]
    keys = keys or [key for key in _OTHER_KEYS if key in arrays]
    if len(keys) != 1:
        found = f"has the keys {', '.join(keys)}" if keys else "has no key 'joints3d'"
        raise UserError(f"{path}: {found}; expected one array of joints in space, (n, J, 3)")
    points = arrays[keys[0]]
    shape = points.shape
    fine = len(shape) == 3 and shape[2] in (3, 4) and all(shape) and points.dtype.kind in "fiu"
    if not fine:
        raise UserError(
            f"{path}: key '{keys[0]}' is {points.dtype} of shape {shape}; expected numbers "
            "(n, J, 3), or (n, J, 4) with confidence, of n people and J joints"
        )
    return keys[0], points.astype(np.float64)


def _confidence(
    path: Path, arrays: dict[str, Array], key: str, points: Floats, least: float | None
) -> Floats:
    """(n, J), 0 where a joint is missing: not finite, of too little confidence, or no place.

    A joint at 0, 0, 0 is there if it is the only one of its person: many files have the root there.
    """
    shape = points.shape[:2]
    confidence = np.ones(shape)
    if points.shape[2] == 4:
        confidence = points[:, :, 3].copy()
    elif "confidence" in arrays:
        given = arrays["confidence"]
        if given.shape != shape or given.dtype.kind not in "fiub":
            raise UserError(
                f"{path}: key 'confidence' is {given.dtype} of shape {given.shape}; expected "
                f"numbers {shape}, one for each of '{key}'"
            )
        confidence = given.astype(np.float64)
    placed = points[:, :, :3]
    far = np.abs(placed) > _FARTHEST
    finite = np.isfinite(placed).all(axis=2) & np.isfinite(confidence) & ~far.any(axis=2)
    zero = (placed == 0).all(axis=2)
    zero &= zero.sum(axis=1, keepdims=True) > 1
    there = finite & ~zero & (confidence > 0)
    if least is not None:
        there &= confidence >= least
    return np.where(there, np.clip(confidence, 0.0, 1.0), 0.0)
