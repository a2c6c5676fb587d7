"""Real people: what a detector saw in calibrated videos, and where triangulation says they are."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.bench.study import Study
from lsr1_pl.data import KeypointBatch
from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.hmr import PeopleFitter, Prediction, fit_people, seeing, thorough
from lsr1_pl.hmr.losses import EVALUATED_KEYPOINTS
from lsr1_pl.metrics import pa_mpjpe
from lsr1_pl.report import PageTable, Section
from lsr1_pl.tasks import HMRTask, load_task

_ASSETS = "assets"
_OWN = "balance_board.npz"
_FAST = 8
"""Every eighth view is enough for a look."""

_SHAPES = {"keypoints": (18, 2), "confidence": (18,), "truth": (18, 3)}

_FROM = (
    "The views are of the woman in Pose2Sim's trial with several people: 100 frames of four "
    "cameras, MediaPipe 0.10.21 on a square around her. The truth is triangulated from cameras 1, "
    "2 and 4, and smoothed over time. Its rays miss it by 15 mm in the median, and by 34 mm in one "
    "of ten. With camera 3 it would move by 9 mm in the median. There she stands 100 mm elsewhere, "
    "so its image was not used for the truth. Nothing was measured on the man of that trial."
)


@dataclass(frozen=True)
class RealViews:
    """n views of people whose place is known."""

    keypoints: torch.Tensor
    """(n, 18, 2) pixels, free of distortion."""
    confidence: torch.Tensor
    """(n, 18), 0 where not seen."""
    truth: torch.Tensor
    """(n, 18, 3) metres, in any axes."""
    camera: NDArray[np.int64]
    """(n,) its number."""
    detector: torch.Tensor | None
    """(n, 18, 3) metres, the detector's own guess in 3D."""

    def batch(self) -> KeypointBatch:
        """What a fit sees."""
        return KeypointBatch(self.keypoints, self.confidence)


def run(options: Namespace) -> None:
    """Fit every view, each on its own, and compare with the truth.

    Raises:
        UserError: a checkpoint or a file that cannot be used.
    """
    task = load_task(options.ckpt)
    if not isinstance(task, HMRTask):
        raise UserError(f"--ckpt {options.ckpt}: {type(task).__name__} cannot predict")
    views = _own_views() if options.views is None else read_views(options.views)
    if options.fast:
        views = _every(views, _FAST)
    study = Study(
        "real",
        "Real people before calibrated cameras",
        options.out,
        f"Every {_FAST}th view." if options.fast else "",
    )
    steps = options.steps or task.evaluate.steps
    errors = {name: _errors(p.joints, views) for name, p in _fits(task, views, steps).items()}
    if views.detector is not None:
        errors["the detector's own 3D"] = _errors(views.detector, views)
    mean = views.truth.mean(dim=0, keepdim=True).expand_as(views.truth)
    errors["the mean of the truth"] = _errors(mean, views)
    columns = ["method", "median", "mean", "90 %"]
    rows = [[name, *_read(each).values()] for name, each in errors.items()]
    caption = f"PA-MPJPE in mm on 14 keypoints, {len(views.camera)} views, {steps} steps"
    study.page.introduction = [
        "Keypoints are a detector's, in real videos. Each view is fitted on its own, as lsr1 "
        "predict does, without knowing the camera.",
    ]
    study.add(Section("Errors", table=PageTable(caption, columns, rows)))
    if options.views is None:
        study.note(_FROM)
    study.write_rows(
        ("method", "view", "camera", "pa_mpjpe_mm"),
        (
            (name, view, int(views.camera[view]), float(error))
            for name, each in errors.items()
            for view, error in enumerate(each)
        ),
    )
    study.finish({name: _read(each) for name, each in errors.items()})


def read_views(path: Path) -> RealViews:
    """Views of a file, of which the 14 evaluated keypoints' truth is known.

    Args:
        path: npz with ``keypoints`` (n, 18, 2) in pixels, ``confidence`` (n, 18) and ``truth``
            (n, 18, 3) in metres, NaN where it is not known; and, if there, ``camera`` (n,) and
            ``detector`` (n, 18, 3).

    Raises:
        UserError: it cannot be read, lacks an array, or no truth is known.
    """
    try:
        arrays = load_npz(path, (*_SHAPES, "camera", "detector"))
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: cannot be read as an npz ({error})") from None
    for key, shape in _SHAPES.items():
        got = arrays[key].shape if key in arrays else "missing"
        wanted = "(n, " + ", ".join(map(str, shape)) + ")"
        if got == "missing" or got[1:] != shape or len(got) != len(shape) + 1:
            raise UserError(f"{path}: key '{key}' is {got}; expected {wanted}")
        if len(arrays[key]) != len(arrays["keypoints"]):
            raise UserError(
                f"{path}: key '{key}' has {len(arrays[key])} rows and keypoints "
                f"{len(arrays['keypoints'])}; expected one a view in each"
            )
    known = np.isfinite(arrays["truth"][:, :EVALUATED_KEYPOINTS]).all(axis=(1, 2))
    if not known.any():
        raise UserError(f"{path}: key 'truth' knows all of 14 keypoints in no view")
    chosen = {key: array[known] for key, array in arrays.items()}
    seen = (chosen["confidence"] > 0) & np.isfinite(chosen["keypoints"]).all(axis=2)
    pixels = np.where(seen[:, :, None], chosen["keypoints"], 0.0)
    confidence = np.where(seen, chosen["confidence"], 0.0).clip(0, 1)
    return RealViews(
        torch.from_numpy(pixels).float(),
        torch.from_numpy(confidence).float(),
        torch.from_numpy(chosen["truth"]).float(),
        chosen.get("camera", np.zeros(int(known.sum()))).astype(np.int64),
        torch.from_numpy(chosen["detector"]).float() if "detector" in chosen else None,
    )


def _own_views() -> RealViews:
    with as_file(files("lsr1_pl.bench.hmr") / _ASSETS / _OWN) as path:
        return read_views(path)


def _every(views: RealViews, step: int) -> RealViews:
    detector = None if views.detector is None else views.detector[::step]
    keypoints, confidence = views.keypoints[::step], views.confidence[::step]
    return RealViews(keypoints, confidence, views.truth[::step], views.camera[::step], detector)


def _fits(task: HMRTask, views: RealViews, steps: int) -> Mapping[str, Prediction]:
    fitter = seeing(task.fitter, task.body, "mediapipe")
    fitters: dict[str, tuple[PeopleFitter, int]] = {
        "the start alone": (fitter, 0),
        "fitted once, SMPL's joints": (task.fitter, steps),
        "fitted once, the detector's points": (fitter, steps),
        "fitted with care, as lsr1 predict": (thorough(fitter), steps),
    }
    return {
        name: fit_people(one, [views.batch()], taken).prediction
        for name, (one, taken) in fitters.items()
    }


def _errors(joints: torch.Tensor, views: RealViews) -> NDArray[np.float64]:
    """(n,) PA-MPJPE in mm."""
    counted = slice(EVALUATED_KEYPOINTS)
    return pa_mpjpe(joints[:, counted], views.truth[:, counted]).double().numpy()


def _read(errors: NDArray[np.float64]) -> dict[str, float]:
    return {
        "median": float(np.median(errors)),
        "mean": float(errors.mean()),
        "90 %": float(np.percentile(errors, 90)),
    }
