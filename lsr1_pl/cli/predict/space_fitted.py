"""People fitted in space: what ``lsr1 predict`` writes, in whatever form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.body import BodyModel
from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.cli.predict.fitted import BodyName
from lsr1_pl.data.detections.joints3d.sets import PointSet
from lsr1_pl.hmr.fitting.prediction import TOO_FEW_KEYPOINTS
from lsr1_pl.hmr.fitting3d import JointFits

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SpaceFitted:
    """n people of an input, and their fits in space."""

    source: Path
    body: BodyModel
    model: BodyName
    """What body that is, to other programs."""
    fits: JointFits
    error: Tensor
    """(n,) metres."""
    status: Tensor
    """(n,)."""
    joints: Floats
    """(n, J, 3) what was fitted, in the unit of the fits; 0 where missing."""
    confidence: Floats
    """(n, J), 0 where missing."""
    points: PointSet
    frame: list[str]
    moment: NDArray[np.int64]
    person: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    arrays: Mapping[str, Any] = field(default_factory=dict)
    """More for the npz."""
    views: tuple[str, ...] = ()
    """The names of V cameras; with them ``arrays`` has ``keypoints`` (n, V, 18, 2), NaN where not
    seen, and ``projected`` of that shape."""

    @property
    def trusted(self) -> NDArray[np.bool_]:
        """(n,) whether a fit is finite and saw enough joints to tell where the body is."""
        parts = (self.fits.pose, self.fits.betas, self.fits.translation, self.fits.scale)
        rows = [part.reshape(len(part), -1).isfinite().all(dim=1) for part in parts]
        finite = torch.stack(rows).all(dim=0)
        return (finite & (self.status != TOO_FEW_KEYPOINTS)).numpy()

    def meshes(self, pose: Tensor) -> NDArray[np.float32]:
        """(n, V, 3) metres, in parts; in poses of these people, before they are moved."""
        with torch.no_grad():
            parts = [
                self.body.vertices(*part)
                for part in zip(pose.split(64), self.fits.betas.split(64), strict=True)
            ]
        vertices: NDArray[np.float32] = torch.cat(parts).numpy()
        return vertices


def turned(turn: Tensor, pose: Tensor) -> Tensor:
    """Poses (n, 72) with their roots turned by ``turn`` (3, 3)."""
    root = axis_angle(turn @ rotation_matrix(pose[:, :3]))
    return torch.cat([root, pose[:, 3:]], dim=1)
