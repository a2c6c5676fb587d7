"""People before a known camera: seen straight, and put where they stand."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr1_pl.body import load_body_model, normalize_keypoints
from lsr1_pl.body.calibrated import camera_points, project_calibrated, turn_root
from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr import solve_translation, straight_view

BODY = load_body_model()
JOINTS_OF = BODY.select(COCO18)
INTRINSICS = torch.tensor([1000.0, 1050.0, 960.0, 540.0])


def people(seed: int, count: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Poses, betas and translations, up to 40 degrees from the optical axis."""
    generator = torch.Generator().manual_seed(seed)
    pose = 0.4 * torch.randn(count, 72, generator=generator)
    betas = torch.randn(count, 10, generator=generator)
    depth = 3 + 3 * torch.rand(count, 1, generator=generator)
    aside = depth * (2 * torch.rand(count, 2, generator=generator) - 1) * 0.6
    return pose, betas, torch.cat([aside, depth], dim=1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_true_pose_gives_the_true_translation(seed: int) -> None:
    pose, betas, translation = people(seed)
    joints = JOINTS_OF(pose, betas)
    intrinsics = INTRINSICS.expand(len(pose), 4)
    pixels = project_calibrated(joints, translation, intrinsics)
    weights = (
        torch.rand(pixels.shape[:2], generator=torch.Generator().manual_seed(seed)) < 0.7
    ) * 1
    weights[:, :2] = 1
    spoilt = torch.where(weights.unsqueeze(2) > 0, pixels, 0.0)
    found, fixed = solve_translation(joints, spoilt, weights, intrinsics)
    assert bool(fixed.all())
    torch.testing.assert_close(found, translation, atol=1e-4, rtol=0)


def test_noise_moves_each_coordinate_as_least_squares_says() -> None:
    pose, betas, translation = people(1)
    joints = JOINTS_OF(pose, betas).double()
    intrinsics = INTRINSICS.double().expand(len(pose), 4)
    pixels = project_calibrated(joints, translation.double(), intrinsics)
    pixels = pixels + torch.randn(pixels.shape, generator=torch.Generator().manual_seed(2))
    weights = torch.rand(pixels.shape[:2], generator=torch.Generator().manual_seed(3))
    found, _ = solve_translation(joints, pixels, weights, intrinsics)
    slopes = (pixels - intrinsics[:, None, 2:]) / intrinsics[:, None, :2]
    here = camera_points(joints, torch.zeros_like(found))
    for row in range(len(pose)):
        root = weights[row].sqrt()
        matrix = torch.zeros(18, 2, 3, dtype=torch.float64)
        matrix[:, 0, 0] = matrix[:, 1, 1] = 1
        matrix[:, :, 2] = -slopes[row]
        right = slopes[row] * here[row, :, 2:] - here[row, :, :2]
        dense = torch.linalg.lstsq(
            (root[:, None, None] * matrix).reshape(36, 3), (root[:, None] * right).reshape(36, 1)
        ).solution[:, 0]
        torch.testing.assert_close(found[row].double(), dense, atol=1e-5, rtol=1e-5)


def test_what_fixes_no_place_is_said() -> None:
    pose, betas, translation = people(0, 3)
    joints = JOINTS_OF(pose, betas)
    intrinsics = INTRINSICS.expand(3, 4)
    pixels = project_calibrated(joints, translation, intrinsics)
    weights = torch.ones(3, 18)
    weights[0] = 0
    weights[1, 1:] = 0
    # An image upside down puts the body behind the camera.
    pixels[2] = 2 * INTRINSICS[2:] - pixels[2]
    found, fixed = solve_translation(joints, pixels, weights, intrinsics)
    assert fixed.tolist() == [False, False, False]
    assert found.tolist() == [[0.0, 0.0, 6.0]] * 3


def test_the_straight_view_is_the_image_of_a_turned_camera() -> None:
    pose, betas, translation = people(4)
    joints = JOINTS_OF(pose, betas)
    intrinsics = INTRINSICS.expand(len(pose), 4)
    seen = torch.ones(len(pose), 18)
    view, back = straight_view(
        project_calibrated(joints, translation, intrinsics), seen, intrinsics
    )
    turned = camera_points(joints, translation) @ back
    expected = 1000 * turned[..., :2] / turned[..., 2:]
    torch.testing.assert_close(view, expected, atol=0.05, rtol=1e-4)
    eye = torch.eye(3).expand(len(pose), 3, 3)
    torch.testing.assert_close(back @ back.mT, eye, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(back), torch.ones(len(pose)))
    # The person stands before the middle, no bigger than perspective makes it.
    assert float(normalize_keypoints(view, seen).min()) >= 0
    assert float((view.amax(dim=1) + view.amin(dim=1)).abs().max()) < 0.35 * float(
        (view.amax(dim=1) - view.amin(dim=1)).max()
    )
    ahead = torch.zeros(2, 18, 2)
    ahead[:] = INTRINSICS[2:]
    ahead[0, 0, 0] += 100.0
    ahead[0, 1, 0] -= 100.0
    none = torch.ones(2, 18)
    none[1] = 0
    view, back = straight_view(ahead, none, INTRINSICS.expand(2, 4))
    torch.testing.assert_close(back, torch.eye(3).expand(2, 3, 3))
    assert bool(view.isfinite().all())


def test_turning_the_root_turns_the_body() -> None:
    pose, betas, _ = people(5)
    turn = rotation_matrix(torch.tensor([0.3, -0.7, 0.2])).expand(len(pose), 3, 3)
    zero = torch.zeros(len(pose), 3)
    before = camera_points(JOINTS_OF(pose, betas), zero)
    after = camera_points(JOINTS_OF(turn_root(pose, turn), betas), zero)
    shift = after - before @ turn.mT
    torch.testing.assert_close(shift, shift[:, :1].expand_as(shift), atol=1e-5, rtol=0)
