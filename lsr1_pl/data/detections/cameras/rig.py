"""Several calibrated cameras that see one space: their intrinsics, rotations and places."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.data.detections.cameras.camera import Camera
from lsr1_pl.data.detections.cameras.reading import (
    camera_content,
    camera_of,
    first_of,
    numbers_of,
    plain_keys,
)
from lsr1_pl.ground.errors import UserError

_MATRIX = ("k", "cameramatrix", "matrix", "mtx", "intrinsics", "intrinsic", "intrinsicmatrix")
_ROTATION = ("r", "rot", "rotation", "rotationmatrix", "rvec")
_TRANSLATION = ("t", "translation", "tvec", "trans")
_EXPECTED = (
    "expected for each camera K, R and t, so that x = R X + t takes points of space to the "
    "camera's axes; docs/predict.md lists the files"
)
_SOUND = 1e-3


class PlacedCamera(NamedTuple):
    """A camera in space: a point X of it is at ``rotation X + translation`` in its axes."""

    name: str
    camera: Camera
    rotation: NDArray[np.float64]
    """(3, 3)."""
    translation: NDArray[np.float64]
    """(3,) in the unit of space."""


def read_rig(path: Path) -> list[PlacedCamera]:
    """The cameras of a file, or of EasyMocap's folder with ``intri.yml`` and ``extri.yml``.

    Args:
        path: ``.toml`` as Anipose and Pose2Sim write it, ``.json``, ``.yml``, ``.npz`` with K
            (V, 3, 3), R (V, 3, 3) and t (V, 3), or a folder.

    Raises:
        UserError: there is no such file, or a camera of it is not whole.
    """
    if path.is_dir():
        files = [path / "intri.yml", path / "extri.yml"]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise UserError(f"{path}: has no {' and no '.join(missing)}; {_EXPECTED}")
        content = {**camera_content(files[0]), **camera_content(files[1])}
    else:
        content = camera_content(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: is a {type(content).__name__}; {_EXPECTED}")
    return rig_of(str(path), content)


def rig_of(where: str, content: dict[Any, Any]) -> list[PlacedCamera]:
    """The cameras of a file's content: EasyMocap's keys, stacked arrays, or a table a camera.

    Raises:
        UserError: there are fewer than two, or one is not whole.
    """
    found = _numbered(content) or _stacked(where, content) or _tables(content)
    if len(found) < 2:
        raise UserError(f"{where}: holds {len(found)} cameras with a place; {_EXPECTED}")
    return [_placed(f"{where}: camera '{name}'", name, keys) for name, keys in found.items()]


def _numbered(content: dict[Any, Any]) -> dict[str, dict[str, Any]]:
    """EasyMocap's ``K_01``, ``dist_01``, ``Rot_01`` or ``R_01``, ``T_01``."""
    found = {}
    for key, K in content.items():
        match = re.fullmatch(r"K_(\w+)", str(key))
        if match:
            name = match[1]
            found[name] = {
                "k": K,
                "dist": content.get(f"dist_{name}", content.get(f"D_{name}")),
                "r": content.get(f"Rot_{name}", content.get(f"R_{name}")),
                "t": content.get(f"T_{name}", content.get(f"t_{name}")),
            }
    return found


def _stacked(where: str, content: dict[Any, Any]) -> dict[str, dict[str, Any]]:
    """Arrays of all cameras: K (V, 3, 3), R (V, 3, 3), t (V, 3)."""
    keys = plain_keys(content)
    parts = {
        "k": first_of(keys, _MATRIX),
        "r": first_of(keys, _ROTATION),
        "t": first_of(keys, _TRANSLATION),
    }
    if any(not isinstance(value, list) for value in parts.values()):
        return {}
    dist = first_of(keys, ("dist", "distcoeffs", "distortion", "distortions", "d"))
    if dist is not None:
        parts["dist"] = dist
    counts = {name: len(value) for name, value in parts.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} of '{name}'" for name, count in counts.items())
        raise UserError(f"{where}: has {told}; expected as many of each, one a camera")
    names = content.get("camera_names", content.get("cameras"))
    if not isinstance(names, list) or len(names) != counts["k"]:
        names = [str(number) for number in range(counts["k"])]
    return {
        str(name): {key: value[row] for key, value in parts.items()}
        for row, name in enumerate(names)
    }


def _tables(content: dict[Any, Any]) -> dict[str, dict[str, Any]]:
    """A table for each camera; other tables, such as Anipose's ``metadata``, have no rotation."""
    found = {}
    for key, value in content.items():
        if isinstance(value, dict):
            keys = plain_keys(value)
            if first_of(keys, _ROTATION) is not None:
                name = value.get("name")
                found[name if isinstance(name, str) else str(key)] = keys
    return found


def _placed(where: str, name: str, keys: dict[str, Any]) -> PlacedCamera:
    rotation = numbers_of(first_of(keys, _ROTATION), f"{where}: the rotation")
    translation = numbers_of(first_of(keys, _TRANSLATION), f"{where}: the translation")
    if len(translation) != 3 or not np.isfinite(translation).all():
        raise UserError(f"{where}: the translation is {translation}; expected 3 finite numbers")
    if len(rotation) == 3:
        rotation = rotation_matrix(torch.tensor(rotation, dtype=torch.float64)).flatten().tolist()
    matrix = np.array(rotation).reshape(3, 3) if len(rotation) == 9 else np.zeros((3, 3))
    proper = np.abs(matrix @ matrix.T - np.eye(3)).max() < _SOUND and np.linalg.det(matrix) > 0
    if not proper:
        raise UserError(
            f"{where}: the rotation is {rotation}; expected a rotation matrix (3, 3), or the 3 "
            "numbers of Rodrigues' vector in radians"
        )
    return PlacedCamera(name, camera_of(where, keys), matrix, np.array(translation))
