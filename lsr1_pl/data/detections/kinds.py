"""What an input of ``lsr1 predict`` is: keypoints in images, joints in space, or several views."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from lsr1_pl.data.detections.formats.arrays import JOINT_KEYS, POINT_KEYS
from lsr1_pl.ground.arrays import npz_members, read_header
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular

InputKind = Literal["keypoints", "joints3d", "views"]


def input_kind(path: Path, dimensions: int | None, *, cameras: bool) -> InputKind:
    """Keypoints in one view, joints in space, or keypoints in several views.

    An npz says it by the names of its arrays and their shapes: ``joints3d`` (n, J, 3), or
    ``keypoints`` (n, V, J, 2 or 3). Everything else is keypoints, unless it is said.

    Args:
        path: the input.
        dimensions: 2 or 3, if the user said it.
        cameras: whether the user named calibrated cameras.

    Raises:
        UserError: the file has both, or what the user said cannot be.
    """
    shapes = _shapes(path)
    three = [key for key in JOINT_KEYS if key in shapes]
    two = [key for key in POINT_KEYS if key in shapes]
    views = cameras or any(len(shapes[key]) == 4 for key in two)
    if dimensions == 3:
        if cameras:
            raise UserError("--cameras and --dimensions 3: joints in space need no cameras")
        return "joints3d"
    if three and two and dimensions is None:
        raise UserError(
            f"{path}: has keypoints (key '{two[0]}') and joints in space (key '{three[0]}'); say "
            "which are fitted: --dimensions 2 or --dimensions 3"
        )
    if three and dimensions is None:
        if cameras:
            raise UserError(f"{path}: key '{three[0]}' are joints in space; they need no --cameras")
        return "joints3d"
    return "views" if views else "keypoints"


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The arrays of an npz; none of any other file, or of a damaged one, which its reader tells."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return {}
    check_regular(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = npz_members(archive, (*JOINT_KEYS, *POINT_KEYS))
            shapes = {}
            for name, member in members.items():
                with archive.open(member) as stream:
                    shapes[name] = read_header(stream, member.file_size, name).shape
            return shapes
    except DAMAGED_ARRAYS:
        return {}
