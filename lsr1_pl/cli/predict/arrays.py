"""The arrays that ``lsr1 predict`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.cli.predict.fitted import FittedInput
from lsr1_pl.ground.files import written


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
