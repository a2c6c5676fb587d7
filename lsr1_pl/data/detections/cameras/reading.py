"""A calibrated camera from a file: JSON, npz, npy, YAML as OpenCV and ROS write it, or text."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lsr1_pl.data.detections.cameras.camera import Camera, check_distortion, check_intrinsics
from lsr1_pl.data.detections.cameras.colmap import read_colmap
from lsr1_pl.ground.arrays import load_npy, load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular
from lsr1_pl.ground.plain_yaml import load_yaml

_FOCAL = ("fx", "fy", "cx", "cy")
_MATRIX = ("k", "cameramatrix", "matrix", "mtx", "intrinsicmatrix", "intrinsics", "intrinsic")
_DISTORTION = (
    *("dist", "distcoeffs", "distcoeff", "distortion", "distortions", "d"),
    *("distortioncoefficients", "distortioncoeffs", "distortioncoefficient"),
)
_MODEL = ("distortionmodel", "cameramodel", "model")
_FISHEYE = ("fish", "equidistant", "kannala", "omni", "fov", "double")
_EXPECTED = (
    "expected keys fx, fy, cx, cy in pixels, or K or camera_matrix, a matrix (3, 3); "
    "docs/predict.md lists the files"
)
_MOST_BYTES = 2**20


def read_camera(path: Path, name: str | None = None) -> Camera:
    """The camera of a file.

    Args:
        path: ``.json``, ``.npz``, ``.npy``, ``.yml``, ``.yaml``, or ``.txt`` (COLMAP's cameras, or
            a matrix).
        name: of the camera, where the file holds several.

    Raises:
        UserError: there is no such file, it holds no such camera, or a lens that is not known.
    """
    cameras = _cameras(path)
    if name is None and len(cameras) == 1:
        return next(iter(cameras.values()))
    names = ", ".join(cameras)
    if name is None:
        raise UserError(f"{path}: holds the cameras {names}; say which: --intrinsics {path} NAME")
    if name not in cameras:
        raise UserError(f"{path}: has no camera '{name}'; expected one of {names}")
    return cameras[name]


def _cameras(path: Path) -> dict[str, Camera]:
    where = str(path)
    content = camera_content(path)
    if isinstance(content, str) and path.suffix.lower() == ".txt":
        return _of_text(where, content)
    if isinstance(content, list):
        content = {"K": content}
    if not isinstance(content, dict):
        raise UserError(f"{path}: is a {type(content).__name__}; {_EXPECTED}")
    return _of_content(where, content)


def camera_content(path: Path) -> Any:
    """What a file of cameras says: of an npz its arrays as lists, of ``.txt`` the text.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    if path.exists():
        check_regular(path)
    suffix = path.suffix.lower()
    try:
        if suffix == ".npz":
            return {key: array.tolist() for key, array in load_npz(path).items()}
        if suffix == ".npy":
            return {"K": load_npy(path).tolist()}
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path}: is larger than a camera's file; {_EXPECTED}")
        text = path.read_text(encoding="utf-8-sig")
        if suffix == ".txt":
            return text
        if suffix == ".toml":
            return load_toml(path, text)
        return _of_yaml(text) if suffix in (".yml", ".yaml") else json.loads(text)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {_EXPECTED}") from None
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: cannot be read as a camera ({error})") from None


def load_toml(path: Path, text: str) -> Any:
    """What a text of TOML says.

    Raises:
        UserError: Python is older than 3.11, whose library reads none.
        ValueError: it is no TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(text)
    raise UserError(f"{path}: TOML needs Python 3.11; write the cameras as JSON or npz")


def _of_yaml(text: str) -> Any:
    """YAML as OpenCV writes it: its first line is none, and its matrices have a tag."""
    lines = [line for line in text.splitlines() if not line.startswith(("%", "---"))]
    return load_yaml("\n".join(lines).replace("!!opencv-matrix", ""))


def _of_text(where: str, text: str) -> dict[str, Camera]:
    words = re.split(r"[\s,;]+", text.strip())
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return read_colmap(where, text) or _none(where)
    return {"": camera_of(where, {"k": numbers})}


def _none(where: str) -> dict[str, Camera]:
    raise UserError(f"{where}: holds no camera; {_EXPECTED}")


def _of_content(where: str, content: dict[Any, Any]) -> dict[str, Camera]:
    """EasyMocap's matrices K_1, K_2, ...; cameras each under its name; or one camera."""
    numbered = {
        match[1]: value
        for key, value in content.items()
        if (match := re.fullmatch(r"K_(\w+)", str(key)))
    }
    if numbered:
        return {
            name: camera_of(
                f"{where}: camera '{name}'",
                {"k": K, "dist": content.get(f"dist_{name}", content.get(f"D_{name}"))},
            )
            for name, K in numbered.items()
        }
    known = plain_keys(content)
    if not {*_FOCAL, *_MATRIX} & set(known):
        inside = {str(k): v for k, v in content.items() if isinstance(v, dict)}
        cameras = {k: plain_keys(v) for k, v in inside.items()}
        found = {k: v for k, v in cameras.items() if {*_FOCAL, *_MATRIX} & set(v)}
        if found:
            return {k: camera_of(f"{where}: camera '{k}'", v) for k, v in found.items()}
    return {"": camera_of(where, known)}


def plain_keys(content: dict[Any, Any]) -> dict[str, Any]:
    """Keys in small letters, without what stands between words."""
    return {re.sub(r"[^a-z0-9]", "", str(key).lower()): value for key, value in content.items()}


def camera_of(where: str, content: dict[str, Any]) -> Camera:
    """The camera of plain keys and their values.

    Raises:
        UserError: there is no camera, or its lens is not known.
    """
    model = str(first_of(content, _MODEL) or "").lower()
    if any(word in model for word in _FISHEYE) or content.get("fisheye") is True:
        model = model or "fisheye"
        raise UserError(
            f"{where}: the lens is of model '{model}'; expected OpenCV's with k1 to k6, p1 and p2: "
            "undistort the keypoints first"
        )
    dist = numbers_of(first_of(content, _DISTORTION), f"{where}: the distortion")
    distortion = check_distortion(dist, f"{where}: the distortion")
    matrix = first_of(content, _MATRIX)
    if matrix is not None:
        return Camera(_of_matrix(where, matrix), distortion)
    missing = [name for name in _FOCAL if name not in content]
    if missing:
        raise UserError(f"{where}: key '{missing[0]}' is missing; {_EXPECTED}")
    if not dist:
        order = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
        told = numbers_of([content.get(key, 0) for key in order], f"{where}: the distortion")
        distortion = check_distortion(told, f"{where}: the distortion")
    return Camera(check_intrinsics([content[name] for name in _FOCAL], where), distortion)


def first_of(content: dict[str, Any], keys: Iterable[str]) -> Any:
    """The value of the first of these keys that is there; None without any."""
    return next((content[key] for key in keys if content.get(key) is not None), None)


def numbers_of(value: Any, where: str) -> list[float]:
    """The numbers of a list, of lists in it, or of OpenCV's matrix with its ``data``."""
    if value is None:
        return []
    if isinstance(value, dict):
        value = value.get("data")
    try:
        return np.asarray(value, dtype=np.float64).reshape(-1).tolist()
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where} is no list of numbers; {_EXPECTED}") from None


def _of_matrix(where: str, matrix: Any) -> tuple[float, float, float, float]:
    place = f"{where}: the camera's matrix"
    numbers = numbers_of(matrix, place)
    if len(numbers) == len(_FOCAL):
        return check_intrinsics(numbers, place)
    if len(numbers) != 9:
        raise UserError(f"{place} is no (3, 3) of numbers; {_EXPECTED}")
    K = np.array(numbers).reshape(3, 3)
    if K[0, 1] or K[1, 0] or K[2, 0] or K[2, 1] or K[2, 2] != 1:
        raise UserError(
            f"{place} is {K.tolist()}; expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], without skew"
        )
    return check_intrinsics([K[0, 0], K[1, 1], K[0, 2], K[1, 2]], place)
