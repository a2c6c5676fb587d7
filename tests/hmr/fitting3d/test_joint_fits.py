"""Bodies fitted to joints in space: near, the right side out, in any axes and any unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lsr1_pl.body import BodyModel, load_body_model
from lsr1_pl.body.files import OPEN_BODY, read_body
from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.body.skeleton import SMPL_JOINTS
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.data.detections.joints3d.sets import POINT_SETS
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.fitting3d import (
    JointFits,
    JointFitter,
    PointSkeleton,
    check_sides,
    distances,
    unit_of,
)
from lsr1_pl.metrics.pa_mpjpe import pa_mpjpe

CLIPS = ("crawl", "dance_b", "getup_faceup", "kick")
PEOPLE = 24


def moving_people(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Pose, betas and place of people in the test clips, turned anyhow."""
    store = MotionStore(open_motion_path())
    rows = np.concatenate(
        [
            np.linspace(r.first_row, r.first_row + r.rows - 1, PEOPLE // len(CLIPS)).astype(int)
            for r in store.recordings
            if r.name in CLIPS
        ]
    )
    generator = torch.Generator().manual_seed(seed)
    pose = torch.from_numpy(np.array(store.poses(rows))).float()
    turn = rotation_matrix(torch.randn(len(pose), 3, generator=generator) * 2)
    root = axis_angle(turn @ rotation_matrix(pose[:, :3]))
    betas = torch.randn(len(pose), 10, generator=generator)
    place = 3 * torch.randn(len(pose), 3, generator=generator)
    return torch.cat([root, pose[:, 3:]], dim=1), betas, place


def tall_body() -> BodyModel:
    """A body of other proportions: longer legs and narrower shoulders."""
    data = read_body(OPEN_BODY, num_betas=10)
    stretched = data.v_template * [0.85, 1.0, 1.0]
    low = stretched[:, 1] < 0
    stretched[low, 1] *= 1.2
    return BodyModel(replace(data, v_template=stretched))


def seen_points(body: BodyModel, name: str) -> tuple[PointSkeleton, Tensor, Tensor]:
    """The skeleton of a set, the joints of moving people in it, and all their 24 joints."""
    skeleton = PointSkeleton(body, POINT_SETS[name].mixtures)
    pose, betas, place = moving_people()
    with torch.no_grad():
        points = skeleton.points_of(pose, betas) + place.unsqueeze(1)
        joints = body.joints(pose, betas)[:, :24] + place.unsqueeze(1)
    return skeleton, points, joints


def in_space(body: BodyModel, fits: JointFits) -> Tensor:
    """(n, 24, 3) where the fits say that the joints are."""
    with torch.no_grad():
        joints = body.joints(fits.pose, fits.betas)[:, :24]
    return fits.scale.view(-1, 1, 1) * joints + fits.translation.unsqueeze(1)


def root_error(fits: JointFits) -> Tensor:
    """(n,) degrees by which the roots are turned from the truth."""
    pose, _, _ = moving_people()
    turn = rotation_matrix(pose[:, :3]).mT @ rotation_matrix(fits.pose[:, :3])
    return torch.rad2deg(axis_angle(turn).norm(dim=1))


@pytest.mark.parametrize("name", ["smpl24", "smpl22", "h36m17", "coco17", "kinect25", "body25"])
def test_bodies_are_near_and_the_right_side_out(name: str) -> None:
    body = load_body_model()
    skeleton, points, joints = seen_points(body, name)
    weights = torch.tensor([p.weight for p in POINT_SETS[name].points]).expand(points.shape[:2])
    fits = JointFitter().fit(skeleton, points, weights)
    assert float(distances(fits, points).median()) < 0.01
    found = in_space(body, fits)
    assert float(pa_mpjpe(found, joints).mean()) < 30
    assert float((found - joints).norm(dim=2).mean()) < 0.03
    assert float(root_error(fits).max()) < 60
    assert float(root_error(fits).median()) < 10


def test_another_body_keeps_its_proportions() -> None:
    body = tall_body()
    skeleton, points, joints = seen_points(body, "smpl24")
    fits = JointFitter().fit(skeleton, points, torch.ones(points.shape[:2]))
    assert float((in_space(body, fits) - joints).norm(dim=2).median()) < 0.01


def test_missing_joints_do_not_count_whatever_they_hold() -> None:
    body = load_body_model()
    skeleton, points, joints = seen_points(body, "coco17")
    weights = (
        torch.rand(points.shape[:2], generator=torch.Generator().manual_seed(1)) > 0.15
    ).float()
    gone = weights.unsqueeze(2) == 0
    fits = JointFitter().fit(skeleton, torch.where(gone, torch.nan, points), weights)
    other = JointFitter().fit(skeleton, torch.where(gone, 7.0, points), weights)
    assert bool(fits.pose.isfinite().all())
    assert torch.equal(fits.pose, other.pose)
    assert float(distances(fits, points)[weights > 0].median()) < 0.01
    assert float(pa_mpjpe(in_space(body, fits), joints).median()) < 50


def test_a_fit_does_not_depend_on_its_neighbours() -> None:
    skeleton, points, _ = seen_points(load_body_model(), "smpl24")
    weights = torch.ones(points.shape[:2])
    together = JointFitter(steps=5, more_steps=0).fit(skeleton, points[:4], weights[:4])
    alone = JointFitter(steps=5, more_steps=0).fit(skeleton, points[2:3], weights[2:3])
    assert torch.allclose(together.pose[2], alone.pose[0], atol=1e-3)


@pytest.mark.parametrize("unit", [0.037, 1000.0])
def test_a_free_scale_is_found(unit: float) -> None:
    body = load_body_model()
    skeleton, points, joints = seen_points(body, "smpl24")
    fits = JointFitter().fit(skeleton, unit * points, torch.ones(points.shape[:2]), free_scale=True)
    off = (in_space(body, fits) - unit * joints).norm(dim=2) / unit
    assert float(off.median()) < 0.01
    assert float(fits.scale.median()) == pytest.approx(unit, rel=0.15)


def test_people_far_from_the_origin_keep_their_precision() -> None:
    skeleton, points, _ = seen_points(load_body_model(), "smpl24")
    far = points.double() + 1e6
    fits = JointFitter().fit(skeleton, far, torch.ones(points.shape[:2]))
    assert float(distances(fits, far).median()) < 0.01


def test_outliers_do_not_pull_the_body() -> None:
    body = load_body_model()
    skeleton, points, joints = seen_points(body, "smpl24")
    wild = points.clone()
    wild[:, SMPL_JOINTS.index("left_wrist")] += 1.5
    fits = JointFitter().fit(skeleton, wild, torch.ones(points.shape[:2]))
    others = [row for row, name in enumerate(SMPL_JOINTS) if not name.startswith("left_")]
    off = (in_space(body, fits) - joints).norm(dim=2)[:, others]
    assert float(off.median()) < 0.03


@pytest.mark.parametrize(
    ("factor", "unit"), [(1.0, "metres"), (100.0, "centimetres"), (1000.0, "millimetres")]
)
def test_units_are_told_by_limbs(factor: float, unit: str) -> None:
    skeleton, points, _ = seen_points(load_body_model(), "h36m17")
    assert unit_of(skeleton, factor * points, torch.ones(points.shape[:2]), "f") == unit


def test_no_unit_of_people_is_refused() -> None:
    skeleton, points, _ = seen_points(load_body_model(), "h36m17")
    with pytest.raises(UserError, match=r"f: .* times as long .* --scale free"):
        unit_of(skeleton, 12 * points, torch.ones(points.shape[:2]), "f")


@pytest.mark.parametrize("name", ["smpl24", "h36m17", "coco17"])
def test_mirrored_joints_are_refused_and_turned_ones_are_not(name: str) -> None:
    skeleton, points, _ = seen_points(load_body_model(), name)
    weights = torch.ones(points.shape[:2])
    turned = points[:, :, [0, 2, 1]] * torch.tensor([1.0, 1.0, -1.0])
    check_sides(JointFitter(), skeleton, turned, weights, "f", free_scale=False)
    with pytest.raises(UserError, match=r"f: .* mirror image .* left and right .* left-handed"):
        check_sides(
            JointFitter(), skeleton, points[:, :, [0, 2, 1]], weights, "f", free_scale=False
        )
