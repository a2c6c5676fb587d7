"""Sound and mixed-up keypoints through the fits of ``lsr1 predict``: which of them it tells.

    python tests/long/people/predict_mixed_up.py --people 160
    python tests/long/people/predict_mixed_up.py --store data/cmu --recordings '08_*' --people 160

Real motion on the open body with random shapes, seen from a random side 3 to 7 m away (focal
length 1100 pixels). The same people are given sound, with noise and with joints hidden, and mixed
up: in the order of another joint set, with joints exchanged, or at random. Prints one JSON object
for each: the middle and the 99th percentile of the error in sides of the box, the share of poor
fits, and in which share of 500 files of 20 of these people ``lsr1 predict`` has its note of poor
fits. Then, for all recordings of the store as files of their own, how many have the note of people
who lie or hang.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.body import load_body_model
from lsr1_pl.body.calibrated import project_calibrated
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.cli.predict.statuses import order_notes
from lsr1_pl.data import KeypointBatch, MotionStore, open_motion_path
from lsr1_pl.data.detections.joints.order import JOINT_SETS, in_order_of_18
from lsr1_pl.data.detections.upright import upright_notes
from lsr1_pl.data.motion.views import random_betas, random_views
from lsr1_pl.hmr import fit_people, seeing, shown_points, thorough
from lsr1_pl.hmr.fitting.prediction import FITTED, POOR
from lsr1_pl.tasks import HMRTask, load_task

Floats = NDArray[np.float64]
SIZE = (1920, 1080)
FILES, FILE_OF = 500, 20
LEGS = [
    COCO18.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("knee", "ankle")
]
READ_AS = (
    ("coco17", "h36m17"),
    ("lsp14", "aic14"),
    ("crowdpose14", "lsp14"),
    ("aic14", "crowdpose14"),
)
"""Joint sets, and those as which ``--joints`` reads them."""
EXCHANGED = (("shoulder", "hip"), ("elbow", "wrist"), ("knee", "ankle"))


def seen_by_a_camera(
    motion: MotionStore, rows: NDArray[np.int64], one_view: bool, seed: int = 0
) -> Floats:
    """(n, 18, 2) pixels of these rows, each from a side of its own or all from one."""
    generator = torch.Generator().manual_seed(seed)
    pose = torch.from_numpy(np.array(motion.poses(rows))).float()
    state, turned = generator.get_state(), []
    for part in pose.split(1 if one_view else len(pose)):
        if one_view:
            generator.set_state(state)
        turned.append(random_views(part, generator))
    betas = random_betas(len(pose), 10, 1.0, generator)
    with torch.no_grad():
        joints = load_body_model().select(COCO18)(torch.cat(turned), betas)
    place = torch.zeros(len(pose), 3)
    place[:, 2] = 3 + 4 * torch.rand(len(pose), generator=generator)
    camera = torch.tensor([1100.0, 1100.0, SIZE[0] / 2, SIZE[1] / 2]).expand(len(pose), 4)
    pixels: Floats = project_calibrated(joints, place, camera).double().numpy()
    return pixels


def read_as(pixels: Floats, true: str, read: str) -> Floats:
    """(n, 18, 3) marks of people whose file has the joint set ``true``, read as ``read``."""
    marks = np.zeros((len(pixels), JOINT_SETS[true].count, 3))
    for name, place in JOINT_SETS[true].rows.items():
        marks[:, place] = np.append(
            pixels[:, COCO18.index(name)], np.ones((len(pixels), 1)), axis=1
        )
    return in_order_of_18(marks, JOINT_SETS[read], true)


def cases(pixels: Floats) -> Iterator[tuple[str, Floats]]:
    """Sound and mixed-up people: (n, 18, 3) marks by what they are."""
    random = np.random.default_rng(1)
    sides = (pixels.max(axis=1) - pixels.min(axis=1)).max(axis=1)[:, None, None]

    def noisy(share: float) -> Floats:
        noise = share * sides * random.normal(size=pixels.shape)
        return np.append(pixels + noise, np.ones((*pixels.shape[:2], 1)), axis=2)

    for share in (0.0, 0.01, 0.02, 0.05):
        yield f"sound, noise {share}", noisy(share)
    hidden, no_legs, base = noisy(0.03), noisy(0.03), noisy(0.01)
    hidden[..., 2] = random.random(hidden.shape[:2]) < 0.5
    yield "sound, noise 0.03, half hidden", hidden
    no_legs[:, LEGS, 2] = 0
    yield "sound, noise 0.03, no legs", no_legs
    yield "u and v exchanged", base[..., [1, 0, 2]]
    yield "v upwards", base * [1, -1, 1] + [0, SIZE[1], 0]
    yield "mirrored", base * [-1, 1, 1] + [SIZE[0], 0, 0]
    for true, read in READ_AS:
        yield f"{true} as {read}", read_as(base[..., :2], true, read)
    for one, other in EXCHANGED:
        order = list(range(18))
        for side in ("left", "right"):
            a, b = COCO18.index(f"{side}_{one}"), COCO18.index(f"{side}_{other}")
            order[a], order[b] = b, a
        yield f"{one}s and {other}s exchanged", base[:, order]
    yield "random order", base[:, np.random.default_rng(10).permutation(18)]
    anywhere = random.random(pixels.shape) * SIZE
    yield "random places", np.append(anywhere, base[..., 2:], axis=2)


def told(task: HMRTask, marks: Floats) -> dict[str, float]:
    """What the fits of these people say."""
    fitter = thorough(
        seeing(task.fitter, task.body, shown_points(marks[..., :2], marks[..., 2] > 0))
    )
    points = torch.from_numpy(marks[..., :2]).float()
    weights = torch.from_numpy(marks[..., 2]).float()
    batches = [KeypointBatch(*x) for x in zip(points.split(256), weights.split(256), strict=True)]
    fits = fit_people(fitter, batches, task.evaluate.steps).prediction
    tried = (fits.status == FITTED) | (fits.status == POOR)
    error = fits.error[tried].numpy()
    random, few = np.random.default_rng(0), min(FILE_OF, len(marks))
    files = [fits.status[random.choice(len(marks), few, replace=False)] for _ in range(FILES)]
    return {
        "error": round(float(np.median(error)), 4),
        "error_99": round(float(np.quantile(error, 0.99)), 4),
        "poor": round(float((fits.status[tried] == POOR).double().mean()), 4),
        "noted": sum(bool(order_notes(file)) for file in files) / FILES,
    }


def recordings_told(motion: MotionStore) -> dict[str, int]:
    """How many recordings have the note of people who lie or hang."""
    counts = dict.fromkeys(("recordings", "sound", "u and v exchanged", "v upwards"), 0)
    for number, recording in enumerate(motion.recordings):
        step = max(1, recording.rows // 60)
        rows = recording.first_row + np.arange(0, recording.rows, step)
        pixels = seen_by_a_camera(motion, rows, one_view=True, seed=number)
        seen = np.ones(pixels.shape[:2], dtype=bool)
        counts["recordings"] += 1
        counts["sound"] += bool(upright_notes(pixels, seen))
        counts["u and v exchanged"] += bool(upright_notes(pixels[..., ::-1], seen))
        counts["v upwards"] += bool(upright_notes(pixels * [1, -1], seen))
    return counts


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, default=open_motion_path())
    parser.add_argument("--recordings", nargs="+", default=["crawl", "dance_b", "getup*", "kick"])
    parser.add_argument("--people", type=int, default=160)
    parser.add_argument("--cases", default="*", help="a pattern of their names")
    options = parser.parse_args()
    torch.set_num_threads(1)
    motion, task = MotionStore(options.store), load_task("hmr_open_lifted")
    assert isinstance(task, HMRTask)
    rows = np.concatenate(
        [
            each.first_row + np.arange(each.rows)
            for each in motion.recordings
            if any(fnmatchcase(each.name, pattern) for pattern in options.recordings)
        ]
    )
    rows = rows[np.linspace(0, len(rows) - 1, min(options.people, len(rows))).astype(int)]
    for name, marks in cases(seen_by_a_camera(motion, rows, one_view=False)):
        if fnmatchcase(name, options.cases):
            print(json.dumps({"case": name, **told(task, marks)}), flush=True)
    print(json.dumps(recordings_told(motion)))


if __name__ == "__main__":
    main()
