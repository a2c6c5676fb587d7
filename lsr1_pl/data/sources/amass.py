"""AMASS: one recording's file into SMPL's pose in the project's frame."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError

LICENCE = (
    "AMASS (Mahmood et al., ICCV 2019), https://amass.is.tue.mpg.de: research, non-commercial; "
    "each data set in it has its own terms"
)
KNOWN_BAD = ("MTR03_poses.npz", "WalkingStraightBackwards08_poses.npz")
"""Files that are broken in AMASS itself."""

LARGEST_FILE = 2**28
"""Bytes of a recording's file, and of its arrays: half an hour at 120 frames a second."""

_FPS_KEYS = ("mocap_framerate", "mocap_frame_rate", "mocap_fps")
_SHOWN_KEYS = 20
_BODY = 66
"""Root and 21 joints; SMPL's two hand joints follow, at rest."""
_BETAS = 10
_DATASETS = {
    "MPIHDM05": "MPI_HDM05",
    "MPIMOSH": "MPI_mosh",
    "MOSH": "MPI_mosh",
    "SSM": "SSM_synced",
    "SSMSYNCED": "SSM_synced",
    "TRANSITIONS": "Transitions_mocap",
    "TRANSITIONSMOCAP": "Transitions_mocap",
    "HUMANEVA": "HumanEva",
}
"""The data sets of the usual splits, by their letters and digits, whatever a release calls them."""


@dataclass(frozen=True)
class AmassRecording:
    """n frames of one file."""

    poses: NDArray[np.float32]
    """(n, 72) axis-angle in radians, y up."""
    betas: NDArray[np.float32]
    """(10,) of the recording's person."""
    fps: float
    gender: str


def is_recording(name: str) -> bool:
    """Whether a file of this name holds motion: ``_poses.npz`` or ``_stageii.npz``."""
    return name.endswith(("_poses.npz", "_stageii.npz"))


def recording_name(path: PurePosixPath) -> tuple[str, str]:
    """A recording's name and subject, from its path below the folder of the data sets.

    ``HumanEva/S1/Box_1_poses.npz`` is ``HumanEva/S1/Box_1`` of subject ``HumanEva/S1``.
    """
    parts = list(path.parts)
    key = re.sub(r"[^A-Z0-9]", "", parts[0].upper())
    parts[0] = _DATASETS.get(key, parts[0])
    stem = re.sub(r"_(poses|stageii)\.npz$", "", parts[-1])
    return "/".join([*parts[:-1], stem]), "/".join(parts[:-1])


def read_recording(file: IO[bytes], name: str) -> AmassRecording:
    """Read one npz of AMASS's SMPL+H or SMPL-X release.

    The body's 22 joints are SMPL's own; its two hand joints are at rest. AMASS has z up, the
    project y: the root is turned by -90 degrees about x. Translations are left out, since fitting
    knows none.

    Raises:
        UserError: damaged, a key is missing or malformed, or a frame is not finite.
    """
    content = _load(file, name)
    poses = _numbers(content, "poses", name)
    if poses.ndim != 2 or not len(poses) or poses.shape[1] < _BODY:
        raise UserError(
            f"{name}: key 'poses' is shaped {poses.shape}; expected (frames, 156 or 165)"
        )
    betas = _numbers(content, "betas", name).ravel()
    if len(betas) < _BETAS:
        raise UserError(f"{name}: key 'betas' holds {len(betas)} numbers; expected 10 or more")
    fps_key = next(key for key in _FPS_KEYS if key in content)
    fps = _numbers(content, fps_key, name).ravel()
    if len(fps) != 1 or not fps[0] > 0:
        raise UserError(f"{name}: key '{fps_key}' is {fps}; expected one number above 0")
    body = np.zeros((len(poses), 72))
    body[:, :_BODY] = poses[:, :_BODY]
    body[:, :3] = _y_up(body[:, :3])
    shape = betas[:_BETAS].astype(np.float32)
    return AmassRecording(body.astype(np.float32), shape, float(fps[0]), _gender(content, name))


def _load(file: IO[bytes], name: str) -> dict[str, NDArray[Any]]:
    wanted = {"poses", "betas", "gender", *_FPS_KEYS}
    try:
        raw = io.BytesIO(file.read(LARGEST_FILE))
        if not zipfile.is_zipfile(raw):
            raise UserError(f"{name}: not an npz file; download it again")
        with zipfile.ZipFile(raw) as archive:
            _check_keys([member.removesuffix(".npy") for member in archive.namelist()], name)
        raw.seek(0)
        return load_npz(raw, wanted, largest=LARGEST_FILE)
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{name}: damaged ({str(error)[:120]}); download it again") from None


def _check_keys(found: list[str], name: str) -> None:
    """Say what is missing beside all that is there: which release it is, or whose file."""
    listed = ", ".join(key[:40] for key in sorted(found)[:_SHOWN_KEYS])
    more = f" and {len(found) - _SHOWN_KEYS} more" if len(found) > _SHOWN_KEYS else ""
    for key in ("poses", "betas"):
        if key not in found:
            raise UserError(f"{name}: key '{key}' is missing; found {listed or 'none'}{more}")
    if not set(_FPS_KEYS) & set(found):
        raise UserError(
            f"{name}: has no frame rate; expected one of the keys {', '.join(_FPS_KEYS)}; found "
            f"{listed}{more}"
        )


def _numbers(content: dict[str, NDArray[Any]], key: str, name: str) -> NDArray[np.float64]:
    array = content[key]
    if array.dtype.kind not in "fiu":
        raise UserError(f"{name}: key '{key}' holds {array.dtype}; expected numbers")
    with np.errstate(over="ignore"):
        finite = np.isfinite(array.astype(np.float32))
    if not finite.all():
        frame = f" in frame {int(np.argmin(finite.all(axis=1)))}" if array.ndim == 2 else ""
        raise UserError(f"{name}: key '{key}' holds a value that is not finite{frame}")
    return array.astype(np.float64)


def _gender(content: dict[str, NDArray[Any]], name: str) -> str:
    value = content.get("gender", np.array("neutral"))
    item = value.ravel()[0] if value.size == 1 else None
    text = item.decode("latin1") if isinstance(item, bytes) else str(item)
    gender = text.lower().removeprefix("b'").rstrip("'")
    if gender not in ("neutral", "female", "male"):
        raise UserError(f"{name}: key 'gender' is {text!r}; expected neutral, female or male")
    return gender


def _y_up(root: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) root rotations, turned by -90 degrees about x."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec([-np.pi / 2, 0, 0])
    turned: NDArray[np.float64] = (turn * Rotation.from_rotvec(root)).as_rotvec()
    return turned
