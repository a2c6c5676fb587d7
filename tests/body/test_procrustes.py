"""The laws of similarity alignment."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from lsr1_pl.body import similarity_align


def random_rotations(count: int, seed: int = 0) -> Tensor:
    return torch.tensor(Rotation.random(count, rng=np.random.default_rng(seed)).as_matrix())


def points(count: int = 6, joints: int = 14, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, joints, 3, generator=generator, dtype=torch.float64)


def error(aligned: Tensor, target: Tensor) -> Tensor:
    return (aligned - target).square().sum((1, 2))


def test_similarity_transforms_are_undone() -> None:
    target = points()
    scale = torch.linspace(0.01, 50, 6, dtype=torch.float64).view(-1, 1, 1)
    source = scale * target @ random_rotations(6).mT + 10 * points(seed=1)[:, :1]
    torch.testing.assert_close(similarity_align(source, target), target, rtol=0, atol=1e-12)


def test_the_result_does_not_depend_on_the_source_s_place_turn_or_size() -> None:
    source, target = points(seed=1), points()
    moved = 3 * source @ random_rotations(6).mT + 1
    torch.testing.assert_close(
        similarity_align(moved, target), similarity_align(source, target), rtol=0, atol=1e-12
    )


def test_a_mirror_image_stays_one() -> None:
    target = points(1)
    mirrored = target * torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    aligned = similarity_align(mirrored, target)
    assert error(aligned, target).item() > 0.1
    # Handedness, as the sign of the volume that three edges span.
    volumes = [torch.det(x[0, 1:4] - x[0, :1]) for x in (aligned, mirrored, target)]
    assert volumes[0] * volumes[1] > 0 > volumes[0] * volumes[2]


def test_no_other_similarity_is_better() -> None:
    # Mirrored sources too: there the best proper rotation is not the best orthogonal matrix.
    target = points(1)
    for flip in (1.0, -1.0):
        source = points(1, seed=1) + target * torch.tensor([flip, 1, 1], dtype=torch.float64)
        best = error(similarity_align(source, target), target)
        centred = source - source.mean(1, keepdim=True)
        goal = target - target.mean(1, keepdim=True)
        nudges = 0.01 * np.random.default_rng(0).normal(size=(500, 3))
        near = torch.tensor(Rotation.from_rotvec(nudges).as_matrix())
        aligned = similarity_align(source, target)
        aligned = aligned - aligned.mean(1, keepdim=True)
        for start, rotations in ((centred, random_rotations(2000)), (aligned, near)):
            turned = start @ rotations.mT
            scale = (turned * goal).sum((1, 2)) / start.square().sum()
            others = error(scale.clamp_min(0).view(-1, 1, 1) * turned, goal.expand_as(turned))
            assert (others >= best - 1e-12).all()


def test_the_optimum_is_stationary() -> None:
    source, target = points(seed=1), points()
    aligned = similarity_align(source, target)
    residual = target - aligned
    centred = aligned - aligned.mean(1, keepdim=True)
    zero = torch.zeros(6, dtype=torch.float64)
    torch.testing.assert_close(residual.sum(1), torch.zeros(6, 3, dtype=torch.float64))
    torch.testing.assert_close((residual * centred).sum((1, 2)), zero, rtol=0, atol=1e-12)
    torque = torch.linalg.cross(centred, residual).sum(1)
    torch.testing.assert_close(torque, torch.zeros_like(torque), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_lines_and_planes_align(dimensions: int) -> None:
    flat = points()
    flat[:, :, dimensions:] = 0
    target = flat @ random_rotations(6).mT
    source = 2 * flat @ random_rotations(6, seed=1).mT + 5
    torch.testing.assert_close(similarity_align(source, target), target, rtol=0, atol=1e-12)


def test_one_place_goes_to_the_target_s_centroid() -> None:
    target = points()
    source = torch.full_like(target, 0.1)
    centroid = target.mean(1, keepdim=True).expand_as(target)
    torch.testing.assert_close(similarity_align(source, target), centroid)
    torch.testing.assert_close(similarity_align(target, source), source)
    torch.testing.assert_close(similarity_align(source, source), source)


def test_single_precision_is_computed_in_double() -> None:
    # Far from the origin, where float32 sums would lose millimetres.
    source = (points(seed=1) + 1000).float()
    target = points().float()
    expected = similarity_align(source.double(), target.double())
    aligned = similarity_align(source, target)
    assert aligned.dtype == torch.float32
    torch.testing.assert_close(aligned.double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 1e200])
def test_a_set_that_is_not_finite_leaves_the_others_as_they_are(value: float) -> None:
    source, target = points(), points(seed=1)
    right = similarity_align(source, target)
    source[2, 3, 1] = value
    aligned = similarity_align(source, target)
    assert aligned[2].isnan().all()
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(aligned[others], right[others], rtol=0, atol=0)
