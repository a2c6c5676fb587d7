"""Hostile keypoints through the shipped fitter: each person must end with a status and finite.

    python tests/long/hostile_people.py --people 100000

What ``lsr1 predict`` does, less its files: real poses seen at scales from 1e-12 to 1e12 and far off
the origin, keypoints at one spot, on a line, at 1e9 to 1e300, NaN and infinite; confidences of 0,
NaN, infinity and below 0; any number of keypoints hidden. Prints one JSON object with the share of
each status, and exits with 1 if a person broke the promise.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.body import PinholeCamera
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import Detections, KeypointBatch, MotionStore, keypoint_batches, open_motion_path
from lsr1_pl.hmr import Fits, fit_people, join_variables, observe_detections
from lsr1_pl.tasks import HMRTask, load_task

Floats = NDArray[np.float64]
Change = Callable[[Floats, np.random.Generator], Floats]
BATCH = 256
STATUSES = ("fitted", "diverged", "too few keypoints", "poor")


def _scaled(points: Floats, draw: np.random.Generator) -> Floats:
    return points * 10 ** draw.uniform(-12, 12, (len(points), 1, 1))


def _far(points: Floats, draw: np.random.Generator) -> Floats:
    return points + 10 ** draw.uniform(0, 12, (len(points), 1, 2))


def _placed(value: float) -> Change:
    """Some keypoints of everyone at ``value``, either sign."""

    def change(points: Floats, draw: np.random.Generator) -> Floats:
        signs = draw.choice([-1.0, 1.0], points.shape)
        return np.where(draw.random(points.shape) < draw.random(), signs * value, points)

    return change


def _on_a_line(points: Floats, draw: np.random.Generator) -> Floats:
    return points[:, :, :1] * draw.normal(size=(len(points), 1, 2))


PLACES: dict[str, Change] = {
    "as seen": lambda points, draw: points,
    "noise of a tenth": lambda points, draw: points + draw.normal(0, 50, points.shape),
    "scaled by 1e-12 to 1e12": _scaled,
    "far off the origin": _far,
    "at one spot": lambda points, draw: np.repeat(points[:, :1], points.shape[1], axis=1),
    "at the origin": lambda points, draw: np.zeros_like(points),
    "on a line": _on_a_line,
    "anywhere": lambda points, draw: draw.uniform(-1e4, 1e4, points.shape),
    "mirrored and upside down": lambda points, draw: -points,
    "some at 1e9": _placed(1e9),
    "some at 1e20": _placed(1e20),
    "some at 1e38": _placed(1e38),
    "some at 1e300": _placed(1e300),
    "some infinite": _placed(np.inf),
    "some NaN": _placed(np.nan),
}


def _confidence(count: int, draw: np.random.Generator) -> Floats:
    """(n, 18): each person with an own share of hidden keypoints, all and all but one included."""
    confidence = draw.uniform(0.02, 1, (count, 18))
    hidden = draw.random((count, 18)) < draw.choice([0, 0.15, 0.5, 0.9], (count, 1))
    confidence[hidden] = draw.choice([0.0, -0.0, -1.0, np.nan, -np.inf, 0.009], int(hidden.sum()))
    confidence[draw.random((count, 18)) < 0.01] = np.inf
    only = draw.random(count)
    confidence[only < 0.03] = 0.0
    single = np.flatnonzero(only > 0.97)
    confidence[single] = 0.0
    confidence[single, draw.integers(0, 18, len(single))] = 1.0
    return confidence


def draw_people(count: int, draw: np.random.Generator) -> Detections:
    """Poses of the embedded clips from the front, their keypoints changed."""
    store = MotionStore(open_motion_path())
    rows = draw.integers(0, len(store), count)
    pose = torch.from_numpy(np.array(store.poses(rows))).float()
    task = fitter()
    with torch.no_grad():
        joints = task.body.select(COCO18)(pose, torch.randn(count, 10))
        pixels = PinholeCamera(1100.0, 960.0, 540.0).project(joints).double().numpy()
    kinds = draw.integers(0, len(PLACES), count)
    for number, change in enumerate(PLACES.values()):
        pixels[kinds == number] = change(pixels[kinds == number], draw)
    frames = [str(number) for number in range(count)]
    alone = np.zeros(count, np.int64)
    return Detections(pixels, _confidence(count, draw), frames, alone, np.arange(count))


_FITTER: list[HMRTask] = []


def fitter() -> HMRTask:
    """The shipped task that ``lsr1 predict`` fits with."""
    if not _FITTER:
        task = load_task("hmr_open")
        assert isinstance(task, HMRTask)
        _FITTER.append(task)
    return _FITTER[0]


def broken(task: HMRTask, batch: KeypointBatch, fits: Fits) -> dict[str, int]:
    """How many people broke which part of the promise."""
    found = fits.prediction
    errors = found.error_by_step
    observation = observe_detections(batch.keypoints, batch.visibility)
    with torch.no_grad():
        start, end = task.fitter.start(observation), join_variables(*found[:2])
        objective = task.fitter.objective(observation, start)
        own, before, after = objective.reprojection(end), *map(objective.value, (start, end))
    rows = {
        name: ~value.flatten(1).isfinite().all(dim=1)
        for name, value in {
            "pose": found.pose,
            "betas": found.betas,
            "joints": found.joints,
            "intrinsics": fits.intrinsics,
            "translation": fits.translation,
            "projected keypoints": fits.projected,
        }.items()
    }
    checks = {f"{name} not finite": bad for name, bad in rows.items()}
    checks["error at the start not finite"] = ~errors[:, 0].isfinite()
    checks["above the start"] = ~(after <= before)
    nearest = (errors - own.unsqueeze(1)).abs().nan_to_num(nan=torch.inf).amin(dim=1)
    checks["error is no step's"] = ~(nearest <= 1e-5)
    checks["no such status"] = (found.status < 0) | (found.status >= len(STATUSES))
    return {name: int(bad.sum()) for name, bad in checks.items() if bool(bad.any())}


def run(people: int, seed: int, batch_size: int = BATCH) -> dict[str, Any]:
    """Draw and fit; see the module."""
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    task = fitter()
    statuses: Counter[str] = Counter()
    violations: Counter[str] = Counter()
    begun = time.perf_counter()
    for first in range(0, people, batch_size):
        detections = draw_people(min(batch_size, people - first), draw)
        for batch in keypoint_batches(detections, batch_size=batch_size):
            fits = fit_people(task.fitter, [batch], task.evaluate.steps)
            statuses.update(STATUSES[code] for code in fits.prediction.status.tolist())
            violations.update(broken(task, batch, fits))
    return {
        "people": sum(statuses.values()),
        "seed": seed,
        "statuses": dict(statuses),
        "violations": dict(violations),
        "seconds": round(time.perf_counter() - begun, 1),
    }


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = run(options.people, options.seed)
    print(json.dumps(found, indent=1))
    return 1 if found["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
