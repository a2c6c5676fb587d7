"""Optimisers in other coordinates."""

from __future__ import annotations

import pytest
import torch
from random_problems import positive_definite
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.optim import (
    LBFGS,
    LSR1,
    Adam,
    BatchedOptimizer,
    GradientDescent,
    InMetric,
    Metric,
    PolyakDescent,
    unroll,
)

SIZE = 5


def covariance(seed: int = 0) -> Tensor:
    return positive_definite(1, SIZE, seed)[0]


def start() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(7, SIZE, dtype=torch.float64, generator=generator)


def test_root_squares_to_the_covariance_and_inverts() -> None:
    metric = Metric.of_covariance(covariance())
    torch.testing.assert_close(metric.root @ metric.root, covariance())
    identity = torch.eye(SIZE, dtype=torch.float64)
    torch.testing.assert_close(metric.root @ metric.inverse, identity)
    torch.testing.assert_close(metric.root, metric.root.T)


def test_a_flat_direction_is_raised_to_the_floor() -> None:
    flat = torch.diag(torch.tensor([4.0, 1.0, 0.0]))
    metric = Metric.of_covariance(flat, floor=0.01)
    torch.testing.assert_close(metric.root.diagonal(), torch.tensor([2.0, 1.0, 0.2]))


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (torch.ones(2, 3), "expected"),
        (torch.ones(3), "expected"),
        (torch.full((2, 2), torch.nan), "finite"),
        (torch.zeros(2, 2), "zero"),
    ],
)
def test_bad_covariances_are_named(bad: Tensor, named: str) -> None:
    with pytest.raises(UserError, match=named):
        Metric.of_covariance(bad)


def test_gradient_descent_in_a_metric_is_preconditioned_by_the_covariance() -> None:
    x, objective = start(), Rosenbrock()
    path = unroll(
        InMetric(GradientDescent(1e-4), Metric.of_covariance(covariance())), objective, x, 3
    )
    expected = x
    for k in range(3):
        torch.testing.assert_close(path.iterates[k], expected)
        direction = objective.evaluate(expected).gradient @ covariance()
        torch.testing.assert_close(path.directions[k], direction)
        expected = expected - 1e-4 * direction


@pytest.mark.parametrize(
    "optimizer",
    [GradientDescent(1e-4), Adam(0.05), LBFGS(4, "armijo"), PolyakDescent(0.5)],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_identity_metric_changes_nothing(optimizer: BatchedOptimizer) -> None:
    x, metric = start(), Metric.of_covariance(torch.eye(SIZE, dtype=torch.float64))
    plain = unroll(optimizer, Rosenbrock(), x, 6)
    moved = unroll(InMetric(optimizer, metric), Rosenbrock(), x, 6)
    torch.testing.assert_close(moved.iterates, plain.iterates)
    torch.testing.assert_close(moved.values, plain.values)
    assert torch.equal(moved.evaluations, plain.evaluations)


def test_state_holds_the_objective_in_x() -> None:
    objective, x = Rosenbrock(), start()
    optimizer = InMetric(Adam(0.05), Metric.of_covariance(covariance()))
    state = optimizer.step(optimizer.init(x, objective.evaluate(x)), objective)
    expected = objective.evaluate(state.iterate)
    torch.testing.assert_close(state.evaluation.value, expected.value)
    torch.testing.assert_close(state.evaluation.gradient, expected.gradient)


def test_hessian_vector_products_are_those_in_y() -> None:
    metric, x = Metric.of_covariance(covariance()), start()

    class Seen(GradientDescent):
        def step(self, state, objective):  # type: ignore[no-untyped-def]
            hessian = torch.autograd.functional.hessian(
                lambda y: objective.value(y[None])[0], state.iterate[0]
            )
            vector = torch.ones_like(state.iterate)
            product = objective.hessian_vector_product(state.iterate, vector)
            torch.testing.assert_close(product[0], hessian.sum(dim=1))
            return super().step(state, objective)

    unroll(InMetric(Seen(1e-4), metric), Rosenbrock(), x, 2)


def test_meta_gradient_reaches_the_networks_through_the_metric() -> None:
    torch.manual_seed(0)
    learned = LSR1(hidden_dim=8, buffer_size=2, initial_curvature="polyak").double()
    optimizer = InMetric(learned, Metric.of_covariance(covariance()))
    unroll(optimizer, Rosenbrock(), start(), 3).values.mean().backward()
    gradients = [p.grad for p in learned.parameters()]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)
    assert any(g is not None and g.abs().max() > 0 for g in gradients)
