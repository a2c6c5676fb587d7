"""The meshes that ``lsr1 predict`` writes, one OBJ a fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.cli.predict.fitted import FittedInput
from lsr1_pl.ground.files import written

_LONGEST_NAME = 100


def write_meshes(folder: Path, fitted: FittedInput, meshes: NDArray[np.float32]) -> None:
    """One OBJ for each fit."""
    faces = "".join(f"f {a} {b} {c}\n" for a, b, c in (fitted.body.faces + 1).tolist())
    detections = fitted.detections
    names = mesh_names(detections.frame, detections.person.tolist())
    for name, mesh in zip(names, meshes, strict=True):
        text = "".join(f"v {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in mesh.tolist())
        with written(folder / name) as partial:
            partial.write_text(text + faces, encoding="utf-8")


def mesh_names(frames: Sequence[str], people: Sequence[int]) -> list[str]:
    """A file name for each fit, ``FRAME_PERSON.obj``; no two are equal, in whatever case.

    Frames come from anywhere: of a frame's name letters, digits, ``-``, ``_`` and ``.`` are kept,
    100 characters at most. Where that changes the name, or another fit has the same one, the
    fit's number in the input is in it too.
    """
    stems = [_safe(frame) for frame in frames]
    wanted = [f"{stem}_{person:02d}.obj" for stem, person in zip(stems, people, strict=True)]
    often = Counter(name.lower() for name in wanted)
    stays = [stems[k] == frame and often[wanted[k].lower()] == 1 for k, frame in enumerate(frames)]
    taken = {name.lower() for name, same in zip(wanted, stays, strict=True) if same}
    names = []
    for row, name in enumerate(wanted):
        stem = f"{stems[row]}_{row:06d}"
        if not stays[row]:
            name = f"{stem}_{people[row]:02d}.obj"
            while name.lower() in taken:
                stem += "_"
                name = f"{stem}_{people[row]:02d}.obj"
            taken.add(name.lower())
        names.append(name)
    return names


def _safe(frame: str) -> str:
    kept = frame[:_LONGEST_NAME]
    return "".join(c if (c.isascii() and c.isalnum()) or c in "-_." else "_" for c in kept)
