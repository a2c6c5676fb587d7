"""People in several calibrated views: triangulated, then fitted to all views at once."""

from __future__ import annotations

import numpy as np
import torch
from camera_ring import camera_ring
from torch import Tensor

from lsr1_pl.body import load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.hmr.fitting3d import (
    JointFitter,
    PointSkeleton,
    Rig,
    box_sides,
    fit_views,
    triangulated,
)
from lsr1_pl.metrics.pa_mpjpe import pa_mpjpe

PEOPLE = 16


def seen_people(rig: Rig, noise: float = 0.01) -> tuple[PointSkeleton, Tensor, Tensor, Tensor]:
    """The skeleton, pixels (n, V, 18, 2), the keypoints in space and the 24 joints."""
    store = MotionStore(open_motion_path())
    rows = np.linspace(0, len(store) - 1, PEOPLE).astype(int)
    generator = torch.Generator().manual_seed(0)
    pose = torch.from_numpy(np.array(store.poses(rows))).float()
    betas = torch.randn(PEOPLE, 10, generator=generator)
    place = 0.3 * torch.randn(PEOPLE, 1, 3, generator=generator)
    body = load_body_model()
    skeleton = PointSkeleton(body, [{name: 1.0} for name in COCO18])
    with torch.no_grad():
        points = skeleton.points_of(pose, betas) + place
        joints = body.joints(pose, betas)[:, :24] + place
    pixels = rig.project(points.double())
    sides = box_sides(pixels, torch.ones(pixels.shape[:3]))
    drawn = torch.randn(pixels.shape, generator=generator, dtype=torch.float64)
    return skeleton, pixels + noise * sides[..., None, None] * drawn, points.double(), joints


def test_exact_rays_meet() -> None:
    rig = camera_ring(3)
    _, pixels, points, _ = seen_people(rig, noise=0.0)
    found = triangulated(pixels, torch.ones(pixels.shape[:3]).double(), rig)
    assert torch.allclose(found.points, points, atol=1e-6)
    assert bool((found.sure == 1).all())


def test_one_bad_view_is_left_out() -> None:
    rig = camera_ring(4)
    _, pixels, points, _ = seen_people(rig, noise=0.0)
    pixels[:, 1] += 300 * torch.randn(
        pixels[:, 1].shape, generator=torch.Generator().manual_seed(0)
    )
    weights = torch.ones(pixels.shape[:3]).double()
    found = triangulated(pixels, weights, rig)
    assert float((found.points - points).norm(dim=2).max()) < 0.01
    assert bool((found.weights[:, 1] == 0).all())
    assert bool((found.weights[:, [0, 2, 3]] == 1).all())


def test_what_one_view_sees_has_no_place() -> None:
    rig = camera_ring(4)
    _, pixels, _, _ = seen_people(rig)
    weights = torch.ones(pixels.shape[:3]).double()
    weights[:, 1:, 3] = 0
    weights[:, :, 4] = 0
    pixels[:, :, 4] = torch.nan
    found = triangulated(torch.where(weights[..., None] > 0, pixels, 0.0), weights, rig)
    assert bool((found.sure[:, 3:5] == 0).all())
    assert bool((found.sure[:, 5:] > 0).all())
    assert bool(found.points.isfinite().all())


def test_four_views_with_noise() -> None:
    rig = camera_ring(4)
    skeleton, pixels, points, joints = seen_people(rig)
    weights = torch.rand(pixels.shape[:3], generator=torch.Generator().manual_seed(1)).double()
    weights = (weights > 0.15).double()
    start = triangulated(pixels, weights, rig)
    fits = fit_views(JointFitter(), skeleton, pixels, rig, start)
    with torch.no_grad():
        found = skeleton.body.joints(fits.pose, fits.betas)[:, :24] + fits.translation[:, None]
    assert float(pa_mpjpe(found.float(), joints).mean()) < 30
    assert float((found - joints).norm(dim=2).mean()) < 0.035
    off = (fits.points - points).norm(dim=2)[start.sure > 0]
    assert float(off.mean()) < float((start.points - points).norm(dim=2)[start.sure > 0].mean())
