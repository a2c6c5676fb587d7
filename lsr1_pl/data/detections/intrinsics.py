"""A calibrated camera's intrinsics from a file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular

Intrinsics = tuple[float, float, float, float]
"""fx, fy, cx, cy in pixels."""

_NAMES = ("fx", "fy", "cx", "cy")
_EXPECTED = "expected keys fx, fy, cx, cy in pixels, or key K, a matrix (3, 3)"


def read_intrinsics(path: Path) -> Intrinsics:
    """fx, fy, cx, cy in pixels of a camera without skew or distortion.

    Args:
        path: ``.json`` or ``.npz`` with ``fx``, ``fy``, ``cx``, ``cy``, or with the matrix ``K``.

    Raises:
        UserError: there is no such file, or it holds no such camera.
    """
    if path.exists():
        check_regular(path)
    try:
        if path.suffix == ".npz":
            arrays = load_npz(path, (*_NAMES, "K"))
            content: Any = {key: array.tolist() for key, array in arrays.items()}
        else:
            content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {_EXPECTED}") from None
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: cannot be read as JSON or npz ({error})") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: is a {type(content).__name__}; {_EXPECTED}")
    if "K" in content:
        return check_intrinsics(_of_matrix(path, content["K"]), f"{path}: key 'K'")
    missing = [name for name in _NAMES if name not in content]
    if missing:
        raise UserError(f"{path}: key '{missing[0]}' is missing; {_EXPECTED}")
    return check_intrinsics([content[name] for name in _NAMES], str(path))


def _of_matrix(path: Path, matrix: Any) -> list[Any]:
    try:
        K = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        K = np.zeros(0)
    if K.shape != (3, 3):
        raise UserError(f"{path}: key 'K' is no (3, 3) of numbers; {_EXPECTED}")
    if K[0, 1] or K[1, 0] or K[2, 0] or K[2, 1] or K[2, 2] != 1:
        raise UserError(
            f"{path}: key 'K' is {K.tolist()}; expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], "
            "without skew"
        )
    return [K[0, 0], K[1, 1], K[0, 2], K[1, 2]]


def check_intrinsics(values: list[Any], where: str) -> Intrinsics:
    """The four numbers, checked.

    Raises:
        UserError: one is no finite number, or a focal length is not above 0.
    """
    try:
        fx, fy, cx, cy = (float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where} is {values}; {_EXPECTED}") from None
    if not all(map(math.isfinite, (fx, fy, cx, cy))) or fx <= 0 or fy <= 0:
        raise UserError(
            f"{where} is fx {fx}, fy {fy}, cx {cx}, cy {cy}; expected finite pixels, fx and fy "
            "above 0"
        )
    return fx, fy, cx, cy
