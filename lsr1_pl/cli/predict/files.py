"""What ``lsr1 predict`` writes: npz, GLB and OBJ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.cli.parsers import MOST_ANIMATED
from lsr1_pl.data import Camera, Detections
from lsr1_pl.ground.files import written
from lsr1_pl.hmr import Fits
from lsr1_pl.report import write_glb
from lsr1_pl.tasks import HMRTask

GlbChoice = Literal["none", "one", "each"]

_OWN_NAME = re.compile(r"person_\d{2,}\.glb|meshes/.*_\d{2,}\.obj")
_LONGEST_NAME = 100


@dataclass(frozen=True)
class FittedInput:
    """n people of an input, and their fits."""

    source: Path
    detections: Detections
    seen: NDArray[np.bool_]
    """(n, 18) the keypoints that counted."""
    fits: Fits
    task: HMRTask
    camera: Camera | None = None
    """The camera that is known."""

    def meshes(self) -> NDArray[np.float32]:
        """(n, V, 3) metres, computed in parts."""
        pose, betas = self.fits.prediction.pose, self.fits.prediction.betas
        body = self.task.body
        with torch.no_grad():
            parts = [
                body.vertices(*part) for part in zip(pose.split(64), betas.split(64), strict=True)
            ]
        vertices: NDArray[np.float32] = torch.cat(parts).numpy()
        return vertices


def write_npz(path: Path, fitted: FittedInput, meshes: NDArray[np.float32] | None) -> None:
    """The arrays of ``docs/predict.md``; with ``vertices`` if ``meshes`` are given."""
    fits, detections = fitted.fits, fitted.detections
    arrays: dict[str, Any] = {k: v.numpy() for k, v in fits.prediction._asdict().items()}
    arrays |= {
        "intrinsics": fits.intrinsics.numpy(),
        "translation": fits.translation.numpy(),
        "projected": fits.projected.numpy(),
        "keypoints": detections.keypoints,
        "confidence": detections.confidence,
        "seen": fitted.seen,
        "frame": np.asarray(detections.frame),
        "moment": detections.moment,
        "person": detections.person,
    }
    if meshes is not None:
        arrays["vertices"] = meshes
    with written(path) as partial:
        # numpy 1 takes savez's allow_pickle for one more array.
        np.savez(partial, **arrays)


def animated_people(person: NDArray[np.int64], choice: GlbChoice | None) -> list[int]:
    """The people's numbers that get a GLB, in order.

    Args:
        person: (n,) the person's number of each fit.
        choice: ``none``; ``one``: whoever is in most frames; ``each``; without it each, but of
            more than 100 people only the 100 who are in most frames.
    """
    numbers, frames = np.unique(person, return_counts=True)
    ranked = numbers[np.argsort(-frames, kind="stable")]
    most = {"none": 0, "one": 1, "each": len(ranked), None: MOST_ANIMATED}[choice]
    return sorted(ranked[:most].tolist())


def write_motion(folder: Path, fitted: FittedInput, fps: float, people: Sequence[int]) -> None:
    """One GLB for each of these people: its frames in order, the mean of its betas."""
    prediction, detections = fitted.fits.prediction, fitted.detections
    for number in people:
        chosen = detections.person == number
        rows = torch.from_numpy(chosen)
        began = detections.moment[detections.clip == detections.clip[chosen][0]].min()
        times = (detections.moment[chosen] - began) / fps if detections.sequence else None
        betas = prediction.betas[rows].mean(dim=0)
        path = folder / f"person_{number:02d}.glb"
        write_glb(path, fitted.task.body, prediction.pose[rows], betas, times)


def write_meshes(folder: Path, fitted: FittedInput, meshes: NDArray[np.float32]) -> None:
    """One OBJ for each fit."""
    faces = "".join(f"f {a} {b} {c}\n" for a, b, c in (fitted.task.body.faces + 1).tolist())
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


def remove_others(folder: Path, kept: Container[str]) -> None:
    """Remove the animations and meshes of an earlier run, by the names that a run gives them.

    Args:
        folder: of ``lsr1 predict``.
        kept: names relative to it that stay: those of this run.
    """
    candidates = [*folder.glob("person_*.glb"), *folder.glob("meshes/*.obj")]
    for path in candidates:
        name = path.relative_to(folder).as_posix()
        if name not in kept and _OWN_NAME.fullmatch(name) and path.is_file():
            path.unlink()
    if (folder / "meshes").is_dir() and not any((folder / "meshes").iterdir()):
        (folder / "meshes").rmdir()
