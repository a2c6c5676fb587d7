"""The people of an input with their fits: what ``lsr1 predict`` writes, in whatever form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.body import BodyModel
from lsr1_pl.data import Camera, Detections
from lsr1_pl.data.sources.smpl import gender_in_name
from lsr1_pl.hmr import Fits


class BodyName(NamedTuple):
    """What other programs call a body."""

    kind: str
    gender: str


def body_name(source: str) -> BodyName:
    """The name of the body of a file, or of ``open``: its betas are not SMPL's."""
    if source == "open":
        return BodyName("lsr1_pl_open_body", "neutral")
    return BodyName("smpl", (gender_in_name(Path(source)) or "neutral").lower())


@dataclass(frozen=True)
class FittedInput:
    """n people of an input, and their fits."""

    source: Path
    detections: Detections
    seen: NDArray[np.bool_]
    """(n, 18) the keypoints that counted."""
    fits: Fits
    body: BodyModel
    model: BodyName
    """What body that is, to other programs."""
    camera: Camera | None = None
    """The camera that is known."""

    def meshes(self) -> NDArray[np.float32]:
        """(n, V, 3) metres, computed in parts."""
        pose, betas = self.fits.prediction.pose, self.fits.prediction.betas
        with torch.no_grad():
            parts = [
                self.body.vertices(*part)
                for part in zip(pose.split(64), betas.split(64), strict=True)
            ]
        vertices: NDArray[np.float32] = torch.cat(parts).numpy()
        return vertices
