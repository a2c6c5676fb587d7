"""What ``lsr1 predict`` writes: npz, GLB, OBJ and the page."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.data import Detections
from lsr1_pl.hmr import Fits
from lsr1_pl.report import FittedPerson, write_fit_page, write_glb
from lsr1_pl.tasks import HMRTask

_MOST_SHOWN = 12
_LONGEST_NAME = 100
_STATUS = ("fitted", "diverged: the best finite state is kept", "too few keypoints to trust")


@dataclass(frozen=True)
class FittedInput:
    """n people of an input, and their fits."""

    source: Path
    detections: Detections
    seen: NDArray[np.bool_]
    """(n, 18) the keypoints that counted."""
    fits: Fits
    task: HMRTask

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
    partial = path.with_name(f".{path.name}.partial.npz")
    # numpy 1 takes savez's allow_pickle for one more array.
    np.savez(partial, **arrays)
    os.replace(partial, path)


def write_motion(folder: Path, fitted: FittedInput, fps: float) -> None:
    """One GLB for each person's number: its frames in order, the mean of its betas."""
    prediction, numbers = fitted.fits.prediction, fitted.detections.person
    for number in np.unique(numbers).tolist():
        rows = torch.from_numpy(numbers == number)
        times = fitted.detections.moment[numbers == number] / fps
        betas = prediction.betas[rows].mean(dim=0)
        path = folder / f"person_{number:02d}.glb"
        write_glb(path, fitted.task.body, prediction.pose[rows], betas, times)


def write_meshes(folder: Path, fitted: FittedInput, meshes: NDArray[np.float32]) -> None:
    """One OBJ for each fit."""
    folder.mkdir(exist_ok=True)
    faces = "".join(f"f {a} {b} {c}\n" for a, b, c in (fitted.task.body.faces + 1).tolist())
    detections = fitted.detections
    people = zip(detections.frame, detections.person.tolist(), meshes, strict=True)
    for row, (frame, person, mesh) in enumerate(people):
        text = "".join(f"v {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in mesh.tolist())
        safe = "".join(c if (c.isascii() and c.isalnum()) or c in "-_." else "_" for c in frame)
        # Frames come from anywhere: a name that was changed may be that of another frame.
        changed = "" if safe[:_LONGEST_NAME] == frame else f"_{row:06d}"
        path = folder / f"{safe[:_LONGEST_NAME]}{changed}_{person:02d}.obj"
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text + faces, encoding="utf-8")
        os.replace(partial, path)


def write_page(path: Path, fitted: FittedInput, note: str) -> None:
    """The page of a dozen people at most; ``note`` ends its summary."""
    detections, prediction = fitted.detections, fitted.fits.prediction
    count = len(detections.frame)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_SHOWN)).round().astype(int))
    with torch.no_grad():
        meshes = fitted.task.body.vertices(prediction.pose[chosen], prediction.betas[chosen])
    projected = fitted.fits.projected.double().numpy()
    people = [
        FittedPerson(
            title=f"Frame {detections.frame[row]}, person {detections.person[row]}",
            status=_STATUS[int(prediction.status[row])],
            keypoints=detections.keypoints[row],
            seen=fitted.seen[row],
            projected=projected[row],
            vertices=mesh.double().numpy(),
            error_by_step=prediction.error_by_step[row].double().numpy(),
            photo=detections.photos.get(detections.frame[row]),
        )
        for row, mesh in zip(chosen.tolist(), meshes, strict=True)
    ]
    fine = int((prediction.status == 0).sum())
    which = "" if len(people) == count else f"; shown are {len(people)}, spread evenly"
    summary = (
        f"{count} {'person' if count == 1 else 'people'}, {fine} with status 0 (fitted){which}. "
        f"All fits are in predictions.npz beside this page. {note}"
    )
    title = f"Bodies fitted to {fitted.source.name}"
    write_fit_page(path, title, summary.strip(), people, fitted.task.body.faces.numpy())
