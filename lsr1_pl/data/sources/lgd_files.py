"""The npz files that LGD's preprocessing writes (Song, Chen, Hilliges, ECCV 2020), looked into.

``AMASS.npz`` holds ``smpl_pose`` and ``smpl_shape``; ``3DPW_valid.npz`` and ``3DPW_test.npz`` hold
``imgnames``, ``genders``, ``poses2d`` and ``poses3d`` beside them. They are told by their keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.ground.arrays import Header, is_zip
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular
from lsr1_pl.ground.npz_rows import npz_headers

POSE, SHAPE = "smpl_pose", "smpl_shape"

Shapes = Mapping[str, tuple[tuple[int, ...], str]]
"""Key -> the shape of a row, and the kinds of numpy's types that it may have."""

AMASS: Shapes = {POSE: ((72,), "f"), SHAPE: ((10,), "f")}
THREEDPW: Shapes = {
    **AMASS,
    "imgnames": ((), "US"),
    "genders": ((), "US"),
    "poses2d": ((18, 3), "f"),
}
_THREEDPW_ALONE = ("imgnames", "poses2d")
_RECORDING = ("poses", "betas")


def checked_headers(path: Path, shapes: Shapes) -> dict[str, Header]:
    """What the arrays of one of LGD's files are, if it has the expected ones.

    Raises:
        UserError: the file is none of LGD's of this kind, or damaged; a key is missing, or of
            another shape; or the arrays differ in their rows.
    """
    check_regular(path)
    if not is_zip(path):
        raise UserError(
            f"{path}: not an npz file of LGD's preprocessing, or cut short; name such a file, or "
            "the folder that holds the owner's files"
        )
    try:
        headers = npz_headers(path)
    except DAMAGED_ARRAYS as error:
        raise damaged(path, error) from None
    _check_kind(path, headers, shapes)
    for key, (row, kinds) in shapes.items():
        expected = f"({', '.join(['rows', *map(str, row)])})"
        if key not in headers:
            found = ", ".join(sorted(headers)) or "nothing"
            raise UserError(f"{path}: key '{key}' is missing; found {found}")
        shape, _, dtype = headers[key]
        if shape[1:] != row or not shape or not shape[0]:
            raise UserError(f"{path}: key '{key}' is shaped {shape}; expected {expected}")
        if dtype.kind not in kinds:
            what = "floating-point numbers" if kinds == "f" else "text"
            raise UserError(f"{path}: key '{key}' holds {dtype}; expected {what}")
        if shape[0] != headers[POSE].shape[0]:
            raise UserError(
                f"{path}: key '{key}' has {shape[0]} rows, key '{POSE}' {headers[POSE].shape[0]}; "
                "expected the same; make the file again"
            )
    return headers


def _check_kind(path: Path, headers: Mapping[str, Header], shapes: Shapes) -> None:
    """Refuse another file that the same command may be given by mistake."""
    is_threedpw = any(key in headers for key in _THREEDPW_ALONE)
    if POSE in headers and is_threedpw != (shapes is THREEDPW):
        name, word = ("3DPW", "3dpw") if is_threedpw else ("AMASS", "amass")
        raise UserError(
            f"{path}: holds {name} as LGD's preprocessing writes it; convert it with "
            f"lsr1 data convert {word}"
        )
    if all(key in headers for key in _RECORDING):
        raise UserError(
            f"{path}: is one recording of AMASS; name the folder of the data sets, or the "
            "AMASS.npz of LGD's preprocessing"
        )


def damaged(path: Path, error: BaseException) -> UserError:
    """The error for a file that cannot be read to its end."""
    reason = str(error)[:120] or type(error).__name__
    return UserError(f"{path}: damaged ({reason}); copy or make it again")


def check_finite(path: Path, key: str, values: NDArray[np.floating], first: int = 0) -> None:
    """Refuse rows that single precision does not hold as numbers.

    Args:
        path: of the file, for the message.
        key: of the array.
        values: some rows of it.
        first: which row of the file comes first.

    Raises:
        UserError: it names the first such row.
    """
    with np.errstate(over="ignore"):
        finite = np.isfinite(values.astype(np.float32)).reshape(len(values), -1).all(axis=1)
    if not finite.all():
        row, count = first + int(np.argmin(finite)), int((~finite).sum())
        raise UserError(
            f"{path}: key '{key}' holds a value that is not finite in row {row} ({count} such rows "
            f"from row {first} to {first + len(values) - 1}); leave these rows out, or convert the "
            "owner's files instead"
        )
