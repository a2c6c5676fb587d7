"""AMASS files as its releases hold them, filled with the open clips."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lsr1_pl.data import MotionStore, open_motion_path


def clip(name: str = "walk") -> NDArray[np.float64]:
    """(n, 72) an open clip, y up."""
    store = MotionStore(open_motion_path())
    (recording,) = (r for r in store.recordings if r.name == name)
    first = recording.first_row
    return store.poses(np.arange(first, first + recording.rows)).astype(np.float64)


def z_up(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same motion in AMASS's frame."""
    turn = Rotation.from_rotvec([np.pi / 2, 0, 0])
    turned = poses.copy()
    turned[:, :3] = (turn * Rotation.from_rotvec(poses[:, :3])).as_rotvec()
    return turned


def smplh(motion: NDArray[np.float64], **changes: Any) -> dict[str, Any]:
    """The keys of a ``_poses.npz``."""
    count = len(motion)
    hands = np.full((count, 90), 0.3)
    content = {
        "poses": np.concatenate([z_up(motion)[:, :66], hands], axis=1),
        "betas": np.linspace(-1, 1, 16),
        "dmpls": np.zeros((count, 8)),
        "trans": np.zeros((count, 3)),
        "gender": np.array("female"),
        "mocap_framerate": np.array(120.0),
    }
    return {key: value for key, value in {**content, **changes}.items() if value is not None}


def smplx(motion: NDArray[np.float64], **changes: Any) -> dict[str, Any]:
    """The keys of a ``_stageii.npz``."""
    content = smplh(motion)
    del content["mocap_framerate"], content["dmpls"]
    more = np.zeros((len(motion), 9))
    content |= {
        "poses": np.concatenate([content["poses"], more], axis=1),
        "mocap_frame_rate": np.array(60),
        "surface_model_type": np.array("smplx"),
        "gender": np.array(b"neutral"),
    }
    return {key: value for key, value in {**content, **changes}.items() if value is not None}


def npz(content: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    return buffer.getvalue()


def archive(path: Path, files: dict[str, bytes]) -> Path:
    """A tar.bz2 as it is downloaded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:bz2") as tar:
        for name, raw in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    return path


def unpacked(folder: Path, files: dict[str, bytes]) -> Path:
    for name, raw in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)
    return folder
