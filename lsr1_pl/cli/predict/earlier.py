"""What an earlier run of ``lsr1 predict`` left in the folder."""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path

_OWN_NAME = re.compile(r"person_\d{2,}(\.glb|\.bvh|_poses\.npz)|meshes/.*_\d{2,}\.obj")


def remove_others(folder: Path, kept: Container[str]) -> None:
    """Remove the animations and meshes of an earlier run, by the names that a run gives them.

    Args:
        folder: of ``lsr1 predict``.
        kept: names relative to it that stay: those of this run.
    """
    candidates = [*folder.glob("person_*"), *folder.glob("meshes/*.obj")]
    for path in candidates:
        name = path.relative_to(folder).as_posix()
        if name not in kept and _OWN_NAME.fullmatch(name) and path.is_file():
            path.unlink()
    if (folder / "meshes").is_dir() and not any((folder / "meshes").iterdir()):
        (folder / "meshes").rmdir()
