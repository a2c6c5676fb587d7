"""How near ``lsr1 predict`` comes in space: joints in 3D, and several calibrated views.

    python tests/long/predict_space.py --store data/cmu --recordings '08_*'

Real motion on the open body, a random shape, root and place a person. Joints in space come as they
are, and with 20 mm of noise along each axis; views are four cameras 4 m away with 1 % of noise, all
keypoints, then with 15 % lost, then with one camera that shows noise alone. In mm: the distance of
the joints given to the fitted ones, before noise; PA-MPJPE of SMPL's 24 joints; and how far these
are in space. In degrees the mean rotation error of the joints and of the root. A second is of the
process. Prints one JSON object for each.
"""

from __future__ import annotations

import argparse
import json
import time
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import torch
from camera_ring import camera_ring
from torch import Tensor

from lsr1_pl.body import BodyModel, load_body_model
from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.data.detections.joints3d.sets import POINT_SETS
from lsr1_pl.hmr.fitting3d import (
    JointFits,
    JointFitter,
    PointSkeleton,
    box_sides,
    fit_views,
    joined,
    triangulated,
)
from lsr1_pl.metrics.pa_mpjpe import pa_mpjpe

SETS = ("smpl24", "smpl22", "h36m17", "coco17", "kinect25")
BATCH = 256


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, default=open_motion_path())
    parser.add_argument("--recordings", nargs="+", default=["kick"])
    parser.add_argument("--people", type=int, default=512, help="at most, spread evenly (512)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    generator = torch.Generator().manual_seed(options.seed)
    body = load_body_model()
    pose, betas, place = drawn_people(options, generator)
    for name in SETS:
        for noise in (0.0, 0.02):
            joints_in_space(name, noise, body, (pose, betas, place), generator)
    for lost, broken in ((0.0, False), (0.15, False), (0.0, True)):
        several_views(lost, broken, body, (pose, betas, 0.1 * place), generator)


People = tuple[Tensor, Tensor, Tensor]


def drawn_people(options: argparse.Namespace, generator: torch.Generator) -> People:
    """Pose, betas and place."""
    store = MotionStore(options.store)
    rows = np.concatenate(
        [
            np.arange(each.first_row, each.first_row + each.rows)
            for each in store.recordings
            if any(fnmatchcase(each.name, pattern) for pattern in options.recordings)
        ]
    )
    chosen = np.linspace(0, len(rows) - 1, min(options.people, len(rows))).astype(int)
    pose = torch.from_numpy(np.array(store.poses(rows[chosen]))).float()
    count = len(pose)
    turn = rotation_matrix(2 * torch.randn(count, 3, generator=generator))
    root = axis_angle(turn @ rotation_matrix(pose[:, :3]))
    betas = torch.randn(count, 10, generator=generator)
    return (
        torch.cat([root, pose[:, 3:]], dim=1),
        betas,
        2 * torch.randn(count, 3, generator=generator),
    )


def joints_in_space(
    name: str, noise: float, body: BodyModel, people: People, generator: torch.Generator
) -> None:
    """Fit one joint set."""
    pose, betas, place = people
    points = POINT_SETS[name]
    skeleton = PointSkeleton(body, points.mixtures)
    with torch.no_grad():
        true = skeleton.points_of(pose, betas) + place.unsqueeze(1)
    given = true + noise * torch.randn(true.shape, generator=generator)
    weights = torch.tensor([point.weight for point in points.points]).expand(true.shape[:2])
    fitter = JointFitter()
    begun = time.process_time()
    parts = zip(given.split(BATCH), weights.split(BATCH), strict=True)
    fits = joined([fitter.fit(skeleton, *part) for part in parts])
    seconds = time.process_time() - begun
    shown({"joints": name, "noise_mm": 1000 * noise}, fits, true, people, body, seconds)


def several_views(
    lost: float, broken: bool, body: BodyModel, people: People, generator: torch.Generator
) -> None:
    """Fit four cameras' keypoints."""
    pose, betas, place = people
    skeleton = PointSkeleton(body, [{name: 1.0} for name in COCO18])
    rig = camera_ring(4, distance=5.0)
    with torch.no_grad():
        true = skeleton.points_of(pose, betas) + place.unsqueeze(1)
    pixels = rig.project(true.double())
    weights = (torch.rand(pixels.shape[:3], generator=generator) >= lost).double()
    sides = box_sides(pixels, torch.ones_like(weights))[..., None, None]
    pixels = pixels + 0.01 * sides * torch.randn(pixels.shape, generator=generator)
    if broken:
        pixels[:, 1] += 300 * torch.randn(pixels[:, 1].shape, generator=generator)
    begun = time.process_time()
    start = triangulated(pixels, weights, rig)
    fits = fit_views(JointFitter(), skeleton, pixels, rig, start)
    seconds = time.process_time() - begun
    what = {"views": 4, "lost": lost, "broken_views": int(broken)}
    shown(what, fits, true, people, body, seconds)


def shown(
    what: dict[str, object],
    fits: JointFits,
    true: Tensor,
    people: People,
    body: BodyModel,
    seconds: float,
) -> None:
    """Print the errors."""
    pose, betas, place = people
    with torch.no_grad():
        joints = body.joints(pose, betas)[:, :24] + place.unsqueeze(1)
        found = body.joints(fits.pose, fits.betas)[:, :24] + fits.translation.unsqueeze(1)
    turns = (rotation_matrix(each.view(len(pose), 24, 3)) for each in (pose, fits.pose))
    one, other = turns
    angle = torch.rad2deg(axis_angle(one.mT @ other).norm(dim=2))
    result = {
        **what,
        "people": len(pose),
        "given_median_mm": 1000 * float((fits.points - true).norm(dim=2).median()),
        "given_mean_mm": 1000 * float((fits.points - true).norm(dim=2).mean()),
        "pa_mpjpe_mm": float(pa_mpjpe(found.float(), joints).mean()),
        "in_space_mm": 1000 * float((found - joints).norm(dim=2).mean()),
        "rotation_degrees": float(angle.mean()),
        "root_degrees": float(angle[:, 0].mean()),
        "wrong_way_round": float((angle[:, 0] > 90).float().mean()),
        "people_a_second": len(pose) / seconds,
    }
    rounded = {k: round(v, 1) if isinstance(v, float) else v for k, v in result.items()}
    print(json.dumps(rounded), flush=True)


if __name__ == "__main__":
    main()
