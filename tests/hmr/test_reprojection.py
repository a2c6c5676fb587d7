"""The inner objective and its prior."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_problems import positive_definite
from torch import Tensor

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import (
    EstimatePrior,
    FittingProblem,
    InitialError,
    ProjectedBody,
    ReprojectionObjective,
    observe,
)
from lsr1_pl.hmr.reprojection import Residual, keypoint_differences
from lsr1_pl.optim import Metric

BODY = load_body_model("open", dtype=torch.float64).select(COCO18)


def people(
    prior: EstimatePrior | None, scale: float = 1.0, residual: Residual = "absolute"
) -> tuple[ReprojectionObjective, Tensor]:
    """Three people, and where they are fitted to."""
    generator = torch.Generator().manual_seed(0)
    x = 0.2 * torch.randn(3, 82, generator=generator, dtype=torch.float64)
    visibility = torch.ones(3, 18, dtype=torch.float64)
    seen = observe(BODY(x[:, :72], x[:, 72:]), visibility, PinholeCamera())
    return ReprojectionObjective(BODY, seen, PinholeCamera(), scale, prior, residual), x


def spread(size: int, seed: int) -> Tensor:
    """A covariance."""
    return positive_definite(1, size, seed)[0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-4, 10.0))
def test_the_prior_is_the_mahalanobis_distance_from_the_estimate(seed: int, weight: float) -> None:
    covariance = spread(82, seed)
    _, x0 = people(None)
    prior = EstimatePrior(x0, Metric.of_covariance(covariance), weight)
    x = x0 + torch.randn(x0.shape, generator=torch.Generator().manual_seed(seed)).double()
    away = (x - x0).unsqueeze(2)
    expected = weight * (away.mT @ torch.linalg.solve(covariance, away)).flatten()
    torch.testing.assert_close(prior.value(x), expected, rtol=1e-9, atol=0.0)


def test_the_scale_multiplies_both_and_the_reprojection_neither() -> None:
    x0 = torch.zeros(3, 82, dtype=torch.float64)
    prior = EstimatePrior(x0, Metric.of_covariance(spread(82, 1)), 0.01)
    objective, _ = people(prior, 36.0)
    plain, _ = people(None)
    x = torch.full((3, 82), 0.1, dtype=torch.float64)
    torch.testing.assert_close(objective.reprojection(x), plain.value(x))
    torch.testing.assert_close(objective.value(x), 36 * (plain.value(x) + prior.value(x)))


def test_gradient_of_the_prior_is_checked_by_differences() -> None:
    prior = EstimatePrior(
        torch.zeros(3, 82, dtype=torch.float64), Metric.of_covariance(spread(82, 2)), 0.01
    )
    objective, seen = people(prior)
    x = (seen + 0.05).requires_grad_()
    assert torch.autograd.gradcheck(objective.value, (x,))


def test_the_root_mean_square_is_flat_at_a_perfect_fit_and_smooth_beside_it() -> None:
    objective, seen = people(None, residual="rms")
    value, gradient = objective.evaluate(seen)
    assert bool((value < 1.001e-4).all())
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0.0, atol=1e-6)
    x = (seen + 0.05).requires_grad_()
    absolute, _ = people(None)
    assert bool((objective.value(x) >= absolute.value(x)).all())
    assert torch.autograd.gradcheck(objective.value, (x,))


def test_an_estimate_without_weight_has_no_prior() -> None:
    assert InitialError(4).prior(torch.zeros(2, 4), 0.0) is None


def test_a_misspelt_residual_is_refused() -> None:
    with pytest.raises(UserError, match="residual is 'RMS'; choose from 'absolute', 'rms'"):
        ReprojectionObjective(None, None, None, residual="RMS")  # type: ignore[arg-type]


def test_a_mean_over_people_divides_everything_by_their_number() -> None:
    x = torch.full((4, 82), 0.1, dtype=torch.float64)
    visibility = torch.ones(4, 18, dtype=torch.float64)
    seen = observe(BODY(x[:, :72], x[:, 72:]), visibility, PinholeCamera())
    body = ProjectedBody(BODY, PinholeCamera())
    alone, shared = (
        FittingProblem(1000.0, mean_over_people=mean).objective(body, seen).value(0 * x)
        for mean in (False, True)
    )
    assert bool((alone > 0).all())
    torch.testing.assert_close(shared, alone / 4)


@pytest.mark.parametrize("residual", ["absolute", "rms"])
@pytest.mark.parametrize("weight", [0.0, 0.01])
def test_the_gauss_newton_matrix_is_that_of_the_touching_parabola(
    residual: Residual, weight: float
) -> None:
    _, x = people(None)
    metric = Metric.of_covariance(spread(82, 3))
    x0 = x + 0.1
    prior = EstimatePrior(x0, metric, weight) if weight else None
    objective, _ = people(prior, 2.0, residual)
    observed, _ = people(None)

    def differences(point: Tensor) -> Tensor:
        joints = BODY(point[:, :72], point[:, 72:])
        return keypoint_differences(joints, observed._observation, PinholeCamera()).flatten(1)

    r = differences(x0)
    jacobian = torch.stack(
        [torch.func.jacrev(differences)(x0)[person, :, person] for person in range(3)]
    )
    square = r.square() if residual == "absolute" else r.square().mean(dim=1, keepdim=True)
    # A corner of the box is exact, and has no derivative; what is least keeps it finite.
    weights = (1 / (36 * (square + 1e-8).sqrt())).expand_as(r)
    expected = 2.0 * jacobian.mT @ torch.diag_embed(weights) @ jacobian
    if weight:
        expected = expected + 4.0 * weight * torch.linalg.inv(spread(82, 3))
    found = objective.gauss_newton(x0)
    assert found.gradients == 36
    torch.testing.assert_close(found.dense(), expected, rtol=1e-4, atol=1e-6)
    assert torch.linalg.eigvalsh(found.dense()).min() > -1e-9
    # It touches: its slope is the objective's, whose prior has none at the estimate itself.
    slope = 2.0 * (jacobian.mT @ (weights * r).unsqueeze(2)).squeeze(2)
    if residual == "rms":
        torch.testing.assert_close(objective.evaluate(x0).gradient, slope, rtol=1e-9, atol=1e-12)


def test_the_derivatives_of_many_people_are_those_of_each() -> None:
    objective, x = people(None, 1.0, "rms")
    together = objective.gauss_newton(x + 0.1).rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lsr1_pl.hmr.reprojection._DERIVATIVES_AT_ONCE", 20)
        torch.testing.assert_close(objective.gauss_newton(x + 0.1).rows, together)
