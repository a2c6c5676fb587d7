"""The animations that ``lsr1 predict`` writes, one a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.cli.parsers import MOST_ANIMATED
from lsr1_pl.cli.predict.fitted import FittedInput
from lsr1_pl.report import write_glb

GlbChoice = Literal["none", "one", "each"]


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
