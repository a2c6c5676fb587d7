"""Bodies put where they stand before a known camera."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr1_pl.body import load_body_model
from lsr1_pl.body.calibrated import camera_points, project_calibrated
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.body.translation import least_squares_translation, solve_translation

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


def test_the_plain_solution_may_lie_behind_the_camera() -> None:
    pose, betas, translation = people(0, 2)
    joints = JOINTS_OF(pose, betas)
    intrinsics = INTRINSICS.expand(2, 4)
    pixels = project_calibrated(joints, translation, intrinsics)
    pixels[1] = 2 * INTRINSICS[2:] - pixels[1]
    found, fixed = least_squares_translation(joints, pixels, torch.ones(2, 18), intrinsics)
    assert fixed.tolist() == [True, True]
    assert (found[:, 2] > 0).tolist() == [True, False]


def test_with_a_nearest_depth_every_point_has_an_image() -> None:
    points = torch.tensor([[[0.5, 0.0, 3.0], [0.5, 0.0, 0.0]]])
    ahead, camera = torch.tensor([[0.0, 0.0, 2.0]]), torch.tensor([[100.0, 100.0, 0.0, 0.0]])
    image = project_calibrated(points, ahead, camera, nearest=0.1)
    # The first point stands a metre behind the camera, the second two metres before it.
    torch.testing.assert_close(image[0, :, 0], torch.tensor([500.0, 25.0]))
