"""What a known camera gives to ``lsr1 predict``: people off the image's middle, true bodies known.

    python tests/long/predict_intrinsics.py --store data/cmu --recordings '08_*'

Real motion on the open body, a random shape and view a person, 3 to 4 m away and up to 42 degrees
aside of the optical axis; 1 % noise, 15 % of the keypoints lost; careful fits. Means over all
people, in mm: PA-MPJPE; MPJPE in the camera's axes with the middle of the hips at 0, which a wrong
view direction spoils; and, for the known camera, how far the hips are from where they truly are,
with the share of it along the line of sight. Prints one JSON object for each.
"""

from __future__ import annotations

import argparse
import json
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import torch

from lsr1_pl.body.calibrated import camera_points, project_calibrated
from lsr1_pl.body.camera import keypoint_box
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import KeypointBatch, MotionStore, open_motion_path
from lsr1_pl.data.motion.views import random_betas, random_views, random_visibility
from lsr1_pl.hmr import fit_people, thorough
from lsr1_pl.metrics.pa_mpjpe import pa_mpjpe
from lsr1_pl.tasks import HMRTask, load_task

INTRINSICS = (1000.0, 1000.0, 960.0, 540.0)
NEAREST, FARTHEST, ASIDE = 3.0, 4.0, 0.9
NOISE, LOST = 0.01, 0.15
BODY_KEYPOINTS = 14
HIPS = [COCO18.index("right_hip"), COCO18.index("left_hip")]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, default=open_motion_path())
    parser.add_argument("--recordings", nargs="+", default=["kick"])
    parser.add_argument("--ckpt", default="hmr_open_lifted", help="what fits, as in lsr1 predict")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    store = MotionStore(options.store)
    rows = np.concatenate(
        [
            np.arange(each.first_row, each.first_row + each.rows)
            for each in store.recordings
            if any(fnmatchcase(each.name, pattern) for pattern in options.recordings)
        ]
    )
    task = load_task(options.ckpt)
    assert isinstance(task, HMRTask)
    generator = torch.Generator().manual_seed(options.seed)
    count = len(rows)
    pose = random_views(torch.from_numpy(np.array(store.poses(rows))).float(), generator)
    with torch.no_grad():
        joints = task.joints_of(pose, random_betas(count, 10, 1.0, generator))
    uniform = torch.rand(count, 3, generator=generator)
    depth = NEAREST + (FARTHEST - NEAREST) * uniform[:, :1]
    aside = depth * (2 * uniform[:, 1:] - 1) * torch.tensor([ASIDE, ASIDE / 3])
    translation = torch.cat([aside, depth], dim=1)
    pixels = project_calibrated(joints, translation, torch.tensor(INTRINSICS).expand(count, 4))
    visibility = random_visibility(count, len(COCO18), 1 - LOST, generator)
    _, size = keypoint_box(pixels, visibility)
    pixels = pixels + NOISE * size * torch.randn(pixels.shape, generator=generator)
    true = camera_points(joints, translation)
    for known in (False, True):
        batch = KeypointBatch(pixels, visibility)
        fits = fit_people(
            thorough(task.fitter),
            [batch],
            task.evaluate.steps,
            intrinsics=INTRINSICS if known else None,
        )
        found = camera_points(fits.prediction.joints, fits.translation)
        hips, true_hips = (each[:, HIPS].mean(dim=1, keepdim=True) for each in (found, true))
        off = (found - hips - true + true_hips)[:, :BODY_KEYPOINTS].norm(dim=-1)
        aligned = pa_mpjpe(found[:, :BODY_KEYPOINTS], true[:, :BODY_KEYPOINTS])
        result = {
            "camera": "known" if known else "not known",
            "people": count,
            "pa_mpjpe_mm": round(float(aligned.mean()), 1),
            "mpjpe_mm": round(1000 * float(off.mean()), 1),
        }
        if known:
            gap = (hips - true_hips)[:, 0]
            sight = (gap * torch.nn.functional.normalize(true_hips[:, 0], dim=1)).sum(dim=1)
            result["hips_mm"] = round(1000 * float(gap.norm(dim=1).mean()), 1)
            result["hips_along_sight_mm"] = round(1000 * float(sight.abs().mean()), 1)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
