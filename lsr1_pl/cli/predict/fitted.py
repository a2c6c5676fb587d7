"""The people of an input with their fits: what ``lsr1 predict`` writes, in whatever form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.data import Camera, Detections
from lsr1_pl.hmr import Fits
from lsr1_pl.tasks import HMRTask


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
