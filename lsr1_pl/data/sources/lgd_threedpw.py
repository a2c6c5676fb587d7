"""The ``3DPW_valid.npz`` and ``3DPW_test.npz`` of LGD's preprocessing into motion stores."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.motion.store import Motion, write_store
from lsr1_pl.data.sources.lgd_files import (
    POSE,
    SHAPE,
    THREEDPW,
    check_finite,
    checked_headers,
    damaged,
)
from lsr1_pl.data.sources.threedpw import FPS, GENDERS, LICENCE, UPRIGHT, ThreeDPWReport
from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError

_SPLITS = {"valid": "validation", "test": "test", "train": "train"}
"""A word in the file's name -> the split; nothing in the file says it."""

_IMAGE = re.compile(r"(?:.*/)?([^/]+)/image_(\d{1,9})\.[a-z]+")


def convert_lgd_3dpw(
    src: str | os.PathLike[str], dst: str | os.PathLike[str]
) -> dict[str, ThreeDPWReport]:
    """Convert a ``3DPW_*.npz`` of LGD's preprocessing into the store of its split under ``dst``.

    The file holds the frames with a valid camera pose alone, person after person. A recording of
    the store is a stretch of one person without a gap, ``downtown_walking_00/0``, or
    ``downtown_walking_00/0/120`` for a later stretch that begins at frame 120. Roots are turned
    into the frame of a fit, as :func:`convert_3dpw` does. The joints of the file are left out,
    because they are in the frame of the world, and the file holds no camera; so are the
    intrinsics, which it has not. Detections far outside the image stay as they are.

    Args:
        src: the file; ``valid``, ``test`` or ``train`` in its name says which split it is.
        dst: a folder, in which the split's folder is absent or empty.

    Returns:
        The split and what was read of it.

    Raises:
        UserError: the file is no such file or is damaged, its name tells no split, a value is not
            finite or malformed, the split is there already, another process writes there, or the
            disk is full.
    """
    path = Path(src)
    checked_headers(path, THREEDPW)
    split = _split(path)
    try:
        arrays = load_npz(path, tuple(THREEDPW))
    except DAMAGED_ARRAYS as error:
        raise damaged(path, error) from None
    for key in (POSE, SHAPE, "poses2d"):
        check_finite(path, key, arrays[key])
    report = ThreeDPWReport()
    motions = _motions(path, arrays, report)
    source = f"3DPW as LGD's preprocessing writes it, {split}"
    write_store(Path(dst) / split, motions, source=source, licence=LICENCE)
    return {split: report}


def _split(path: Path) -> str:
    found = [split for word, split in _SPLITS.items() if word in path.stem.lower()]
    if len(found) != 1:
        raise UserError(
            f"{path}: its name does not say which split of 3DPW it is; call it 3DPW_valid.npz or "
            "3DPW_test.npz, as LGD does"
        )
    return found[0]


def _motions(
    path: Path, arrays: dict[str, NDArray[Any]], report: ThreeDPWReport
) -> Iterator[Motion]:
    from scipy.spatial.transform import Rotation

    poses = arrays[POSE].astype(np.float64)
    turned = Rotation.from_matrix(UPRIGHT) * Rotation.from_rotvec(poses[:, :3])
    poses[:, :3] = turned.as_rotvec()
    sequences, frames = _images(path, arrays["imgnames"])
    genders = _genders(path, arrays["genders"])
    person, taken = -1, ""
    for begin, end, is_person in _stretches(sequences, frames, genders, arrays[SHAPE]):
        if sequences[begin] != taken:
            person, taken = -1, sequences[begin]
        person += is_person
        name = f"{taken}/{person}" if is_person else f"{taken}/{person}/{frames[begin]}"
        count = end - begin
        keypoints = arrays["poses2d"][begin:end]
        report.read[name] = count
        report.source_frames += count
        report.undetected += int((keypoints[:, :, 2] == 0).all(axis=1).sum())
        yield Motion(
            name=name,
            subject=taken,
            poses=poses[begin:end],
            betas=arrays[SHAPE][begin:end],
            fps=FPS,
            source_frames=count,
            gender=genders[begin],
            seen={"keypoints": keypoints.reshape(count, 54), "valid": np.ones((count, 1))},
        )


def _stretches(
    sequences: list[str], frames: NDArray[np.int64], genders: list[str], betas: NDArray[Any]
) -> Iterator[tuple[int, int, bool]]:
    """Where each stretch without a gap begins and ends, and whether another person begins there."""
    count = len(frames)
    people = np.ones(count, bool)
    people[1:] = (
        (np.array(sequences[1:]) != np.array(sequences[:-1]))
        | (np.array(genders[1:]) != np.array(genders[:-1]))
        | (betas[1:] != betas[:-1]).any(axis=1)
        | (np.diff(frames) <= 0)
    )
    begins = np.flatnonzero(people | (np.diff(frames, prepend=frames[:1]) != 1)).tolist()
    for begin, end in zip(begins, [*begins[1:], count], strict=True):
        yield begin, end, bool(people[begin])


def _images(path: Path, names: NDArray[Any]) -> tuple[list[str], NDArray[np.int64]]:
    """The sequence and the frame's number of each image."""
    found = [_IMAGE.fullmatch(name) for name in _texts(names)]
    for row, match in enumerate(found):
        if match is None:
            raise UserError(
                f"{path}: key 'imgnames' is {_texts(names[row : row + 1])[0]!r} in row {row}; "
                "expected imageFiles/SEQUENCE/image_NUMBER.jpg"
            )
    parts = [match.groups() for match in found if match is not None]
    return [sequence for sequence, _ in parts], np.array([int(n) for _, n in parts], np.int64)


def _genders(path: Path, values: NDArray[Any]) -> list[str]:
    texts = _texts(values)
    unknown = next((row for row, text in enumerate(texts) if text not in GENDERS), None)
    if unknown is not None:
        raise UserError(
            f"{path}: key 'genders' is {texts[unknown]!r} in row {unknown}; expected m or f"
        )
    return [GENDERS[text] for text in texts]


def _texts(values: NDArray[Any]) -> list[str]:
    """Text as strings, whichever of numpy's two kinds it is."""
    items: list[str | bytes] = values.tolist()
    return [item.decode("latin1") if isinstance(item, bytes) else item for item in items]
