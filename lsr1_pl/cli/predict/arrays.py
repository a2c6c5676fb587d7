"""The arrays that ``lsr1 predict`` writes: of all fits, and of one person as AMASS has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.body import BodyModel
from lsr1_pl.cli.predict.fitted import BodyName, FittedInput
from lsr1_pl.ground.files import written
from lsr1_pl.hmr.world import Recorded, smplx_parameters, z_up


def write_npz(path: Path, fitted: FittedInput, meshes: NDArray[np.float32] | None) -> None:
    """The arrays of ``docs/predict.md``; with ``vertices`` if ``meshes`` are given."""
    fits, detections = fitted.fits, fitted.detections
    arrays: dict[str, Any] = {k: v.numpy() for k, v in fits.prediction._asdict().items()}
    arrays |= {k: v.numpy() for k, v in smplx_parameters(fits, fitted.body)._asdict().items()}
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


def write_amass(
    path: Path, recorded: Recorded, body: BodyModel, model: BodyName, fps: float
) -> None:
    """One person's motion with AMASS's keys and axes: z up, metres, one row a frame.

    As in smplx, the body turns about its pelvis, which stays where the shape puts it, and ``trans``
    is added. ``measured`` and ``moment`` are this program's own: rows that are not measured lie in
    gaps of the input.

    Args:
        path: of the npz.
        recorded: of T frames.
        body: that moves.
        model: its name and gender.
        fps: frames a second.
    """
    motion = z_up(recorded.motion)
    betas = torch.from_numpy(motion.betas).to(body.weights.dtype)
    with torch.no_grad():
        pelvis = body.rest_joints(betas.unsqueeze(0))[0, 0].double().numpy()
    with written(path) as partial:
        np.savez(
            partial,
            poses=motion.pose,
            trans=motion.root - pelvis,
            betas=motion.betas,
            gender=np.array(model.gender),
            surface_model_type=np.array(model.kind),
            mocap_framerate=np.array(fps),
            mocap_frame_rate=np.array(fps),
            moment=motion.moment,
            measured=recorded.measured,
        )
