"""The motion that ships with the package."""

from __future__ import annotations

from pathlib import Path


def open_motion_path() -> Path:
    """Folder of the packaged motion store: the DeepMimic clips as SMPL poses at 30 fps."""
    return Path(__file__).parents[1] / "assets" / "open_motion"
