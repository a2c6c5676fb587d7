"""The camera's geometry and the laws of the bounding-box normalisation."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lsr1_pl.body import PinholeCamera, normalize_keypoints


def keypoints(count: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 100 * torch.randn(count, 18, 2, generator=generator, dtype=torch.float64)


def mask(*visible: int) -> Tensor:
    result = torch.zeros(1, 18, dtype=torch.float64)
    result[0, list(visible)] = 1
    return result


def test_projection_by_hand() -> None:
    camera = PinholeCamera(focal=100.0, centre_u=3.0, centre_v=4.0, depth=5.0)
    points = torch.tensor([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]])
    expected = torch.tensor([[[3.0, 4.0], [23.0, 4.0], [3.0, -16.0], [28.0, 4.0]]])
    torch.testing.assert_close(PinholeCamera.project(camera, points), expected)


def test_points_on_one_ray_have_one_image() -> None:
    camera = PinholeCamera()
    eye = torch.tensor([0.0, 0.0, camera.depth])
    point = torch.tensor([0.3, -0.5, 0.2])
    nearer = eye + 0.5 * (point - eye)
    images = camera.project(torch.stack([point, nearer])[None])
    torch.testing.assert_close(images[0, 0], images[0, 1])


@settings(deadline=None)
@given(st.floats(1e-9, 1e9), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_scale_and_position_do_not_matter(scale: float, u: float, v: float) -> None:
    points = keypoints()
    visible = torch.rand(5, 18, generator=torch.Generator().manual_seed(1)) > 0.3
    moved = scale * (points + torch.tensor([u, v], dtype=torch.float64))
    torch.testing.assert_close(
        normalize_keypoints(moved, visible), normalize_keypoints(points, visible), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_box_is_the_unit_square_s_middle(dtype: torch.dtype) -> None:
    points = keypoints().to(dtype)
    visible = torch.rand(5, 18, generator=torch.Generator().manual_seed(2)) > 0.3
    result = normalize_keypoints(points, visible)
    for body, seen, before in zip(result, visible, points, strict=True):
        assert (body[~seen] == 0.5).all()
        low, high = body[seen].amin(0), body[seen].amax(0)
        assert (low >= -1e-6).all()
        assert (high <= 1 + 1e-6).all()
        torch.testing.assert_close((low + high) / 2, torch.full((2,), 0.5, dtype=dtype))
        assert (high - low).max().item() == pytest.approx(1, abs=1e-6)
        # One scale for both axes: the aspect ratio is kept.
        ratio = (before[seen].amax(0) - before[seen].amin(0)) / (high - low)
        assert ratio[0].item() == pytest.approx(ratio[1].item(), rel=1e-5)


def test_invisible_keypoints_have_no_influence() -> None:
    points, visibility = keypoints(1), mask(*range(2, 18))
    expected = normalize_keypoints(points, visibility)
    for value in (1e6, torch.inf, torch.nan):
        changed = points.clone()
        changed[0, :2] = value
        changed.requires_grad_()
        result = normalize_keypoints(changed, visibility)
        torch.testing.assert_close(result, expected, rtol=0, atol=0)
        (gradient,) = torch.autograd.grad(result.square().sum(), changed)
        assert gradient.isfinite().all()
        assert (gradient[0, :2] == 0).all()


@pytest.mark.parametrize("size", [0.0, 1.0])
@pytest.mark.parametrize("visible", [(), (3,), (3, 4)])
def test_without_a_scale_everything_is_in_the_middle(visible: tuple[int, ...], size: float) -> None:
    points = size * keypoints(1)
    # Two keypoints in one place, but for rounding, are no better than one.
    points[0, 4] = points[0, 3] * (1 + 2e-16)
    points.requires_grad_()
    result = normalize_keypoints(points, mask(*visible))
    assert (result == 0.5).all()
    (first,) = torch.autograd.grad(result.square().sum(), points, create_graph=True)
    assert (first == 0).all()
    if first.requires_grad:
        (second,) = torch.autograd.grad(first.sum(), points)
        assert (second == 0).all()


def test_two_keypoints_have_a_scale() -> None:
    result = normalize_keypoints(keypoints(1), mask(0, 1))
    assert (result[0, 0] - result[0, 1]).abs().max().item() == pytest.approx(1)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_visible_keypoint_that_is_not_finite_is_not_hidden(value: float) -> None:
    points = keypoints(2)
    points[0, 0, 0] = value
    result = normalize_keypoints(points, torch.ones(2, 18))
    assert result[0].isnan().any()
    assert result[1].isfinite().all()


def test_normalisation_derivatives() -> None:
    points = keypoints(2)[:, :6].requires_grad_()
    visible = torch.tensor([[1, 1, 0, 1, 1, 1], [0, 1, 1, 1, 0, 1]])
    assert torch.autograd.gradcheck(lambda p: normalize_keypoints(p, visible), (points,))
    assert torch.autograd.gradgradcheck(lambda p: normalize_keypoints(p, visible), (points,))
