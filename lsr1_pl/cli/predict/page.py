"""The page of ``lsr1 predict``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from lsr1_pl.cli.predict.fitted import FittedInput
from lsr1_pl.hmr.fitting.prediction import FITTED, POOR
from lsr1_pl.report import FittedPerson, write_fit_page

_MOST_SHOWN = 12
_STATUS = (
    "fitted",
    "diverged: the best finite state is kept",
    "too few keypoints to trust",
    "poor: the body is far from the keypoints",
)


def write_page(path: Path, fitted: FittedInput, note: str) -> None:
    """The page of a dozen people at most; ``note`` ends its summary."""
    detections, prediction = fitted.detections, fitted.fits.prediction
    count = len(detections.frame)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_SHOWN)).round().astype(int))
    with torch.no_grad():
        meshes = fitted.body.vertices(prediction.pose[chosen], prediction.betas[chosen])
    projected, keypoints = fitted.fits.projected.double().numpy(), detections.keypoints
    if fitted.camera is not None:
        projected = fitted.camera.distorted(projected)
        keypoints = fitted.camera.distorted(keypoints)
    people = [
        FittedPerson(
            title=f"Frame {detections.frame[row]}, person {detections.person[row]}",
            status=_STATUS[int(prediction.status[row])]
            + ("; left and right were exchanged" if prediction.exchanged[row] else ""),
            poor=int(prediction.status[row]) == POOR,
            keypoints=keypoints[row],
            seen=fitted.seen[row],
            projected=projected[row],
            vertices=mesh.double().numpy(),
            error_by_step=prediction.error_by_step[row].double().numpy(),
            photo=detections.photos.get(detections.frame[row]),
        )
        for row, mesh in zip(chosen.tolist(), meshes, strict=True)
    ]
    fine, poor = (int((prediction.status == status).sum()) for status in (FITTED, POOR))
    which = "" if len(people) == count else f"; shown are {len(people)}, spread evenly"
    summary = (
        f"{count} {'person' if count == 1 else 'people'}, {fine} with status 0 (fitted), "
        f"{poor} with status 3 (poor){which}. "
        f"All fits are in predictions.npz beside this page. {note}"
    )
    title = f"Bodies fitted to {fitted.source.name}"
    write_fit_page(path, title, summary.strip(), people, fitted.body.faces.numpy())
