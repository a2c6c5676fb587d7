"""The motion that ships with the package."""

from __future__ import annotations

import os
from pathlib import Path

_ASSETS = Path(__file__).parents[1] / "assets"


def open_motion_path() -> Path:
    """Folder of the packaged motion store: the DeepMimic clips as SMPL poses at 30 fps."""
    return _ASSETS / "open_motion"


def open_frames_path() -> Path:
    """Folder of the packaged store of single frames: different poses of CMU's training subjects."""
    return _ASSETS / "open_frames"


def store_path(name: str | os.PathLike[str]) -> Path:
    """Where a store lies: ``open`` and ``open_frames`` are in the package, others are paths."""
    embedded = {"open": open_motion_path(), "open_frames": open_frames_path()}
    return embedded.get(os.fspath(name), Path(name))
