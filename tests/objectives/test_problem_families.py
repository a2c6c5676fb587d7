"""Gaussian processes on a table, and deblurring: exact derivatives, disjoint parts."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives.families import (
    Deblurring,
    DeblurringFamily,
    GaussianProcessFamily,
    GaussianProcessLikelihood,
    ProblemFamily,
    sampled,
)
from lsr1_pl.objectives.families.deblurring import gaussian_blur
from lsr1_pl.objectives.families.images import PARTS, random_images

SPLITS: tuple[Any, ...] = ("train", "validation", "test")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_process() -> tuple[GaussianProcessLikelihood, Tensor]:
    inputs = torch.randn(2, 5, 3, generator=generator(), dtype=torch.float64)
    targets = torch.randn(2, 5, generator=generator(1), dtype=torch.float64)
    x = 0.5 * torch.randn(2, 5, generator=generator(2), dtype=torch.float64)
    return GaussianProcessLikelihood(inputs, targets), x


def small_image() -> tuple[Deblurring, Tensor]:
    blur = gaussian_blur(torch.tensor([0.7, 1.2], dtype=torch.float64), 4)
    blurred = torch.rand(2, 16, generator=generator(), dtype=torch.float64)
    x = torch.rand(2, 16, generator=generator(1), dtype=torch.float64)
    return Deblurring(blurred, blur), x


@pytest.mark.parametrize("made", [small_process, small_image], ids=["process", "image"])
def test_derivatives_are_exact(made: Any) -> None:
    objective, x = made()
    x.requires_grad_()
    assert torch.autograd.gradcheck(objective.value, (x,))
    assert torch.autograd.gradgradcheck(objective.value, (x,))
    v = torch.randn(x.shape, generator=generator(5), dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda y: objective.value(y).sum(), x)
    expected = torch.einsum("bicj,cj->bi", hessian, v)
    torch.testing.assert_close(objective.hessian_vector_product(x, v), expected)


def test_the_likelihood_is_that_of_the_normal_distribution() -> None:
    objective, x = small_process()
    for row in range(2):
        apart = (objective.inputs[row, :, None] - objective.inputs[row, None]) / x[row, :3].exp()
        covariance = (2 * x[row, 3]).exp() * (-0.5 * apart.square().sum(dim=2)).exp()
        noise = (2 * x[row, 4]).exp() + 1e-4
        covariance = covariance + noise * torch.eye(5, dtype=torch.float64)
        normal = torch.distributions.MultivariateNormal(torch.zeros(5).double(), covariance)
        expected = -normal.log_prob(objective.targets[row]) + x[row].square().sum() / 8
        torch.testing.assert_close(objective.value(x)[row], expected / 5)


def test_a_covariance_that_cannot_be_factored_is_infinite_and_alone() -> None:
    objective, x = small_process()
    far = x.clone()
    far[0, 3] = 400.0
    value = objective.value(far)
    assert math.isinf(float(value[0]))
    assert float(value[1]) == float(objective.value(x)[1])


def test_the_misfit_and_the_variation_are_those_of_the_formula() -> None:
    objective, x = small_image()
    image, blur = x[0].view(4, 4), objective.blur[0]
    misfit = torch.kron(blur, blur) @ x[0] - objective.blurred[0]
    variation = 0.0
    for i in range(4):
        for j in range(4):
            for k, m in ((i + 1, j), (i, j + 1)):
                if k < 4 and m < 4:
                    variation += math.hypot(float(image[i, j] - image[k, m]), 0.02) - 0.02
    expected = (float(misfit.square().sum()) / (2 * 0.005**2) + 10 * variation) / 16
    assert float(objective.value(x)[0]) == pytest.approx(expected)


def test_a_blur_keeps_a_grey_image_and_the_mean() -> None:
    blur = gaussian_blur(torch.tensor([1.0, 2.0]), 32)
    torch.testing.assert_close(blur.sum(dim=2), torch.ones(2, 32))
    torch.testing.assert_close(blur.sum(dim=1), torch.ones(2, 32))
    torch.testing.assert_close(blur, blur.mT)
    assert float(blur[1, 16, 16]) < float(blur[0, 16, 16])


@pytest.mark.parametrize("family", [GaussianProcessFamily(), DeblurringFamily()])
def test_problems_are_of_order_one_and_repeat(family: ProblemFamily) -> None:
    problems = sampled(family, 6, generator())
    again = sampled(family, 6, generator())
    assert torch.equal(problems.features, again.features)
    assert 0.1 < float(problems.features.std()) < 3
    single = problems.objective.value(problems.x0)
    double = problems.objective.value(problems.x0.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)
    # A row knows nothing of its neighbours.
    moved = problems.x0.clone()
    moved[1:] += 0.1
    assert float(problems.objective.value(moved)[0]) == pytest.approx(float(single[0]), rel=1e-5)
    drawn = [sampled(family.split(part), 6, generator()).features for part in SPLITS]
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[1], drawn[2])


def test_parts_share_no_patient() -> None:
    seen: list[set[tuple[float, ...]]] = []
    for part in SPLITS:
        objective: Any = GaussianProcessFamily(110, part).sample(12, generator()).objective
        seen.append({tuple(row) for row in objective.inputs.flatten(0, 1).tolist()})
    assert [len(each) for each in seen] == [222, 110, 110]
    assert not seen[0] & seen[1]
    assert not (seen[0] | seen[1]) & seen[2]


def test_parts_share_no_pixel() -> None:
    ends = [PARTS[part] for part in SPLITS]
    assert ends[0][1] <= ends[1][0]
    assert ends[1][1] <= ends[2][0]
    images = random_images(20, 32, "test", generator())
    assert images.shape == (20, 32, 32)
    assert bool(((images >= 0) & (images <= 1)).all())


def test_bad_arguments_are_named() -> None:
    with pytest.raises(UserError, match="rows is 111"):
        GaussianProcessFamily(111)
    with pytest.raises(UserError, match="part is 'trial'"):
        GaussianProcessFamily(part="trial")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="part is 'trial'"):
        DeblurringFamily("trial")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"expected \(B, M, D\) and \(B, M\)"):
        GaussianProcessLikelihood(torch.ones(2, 3, 4), torch.ones(2, 4))
