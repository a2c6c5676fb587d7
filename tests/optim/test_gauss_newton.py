"""Gauss-Newton steps, alone, in a metric, and as B0 of aimed vectors."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_problems import positive_definite, quadratics
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import FunctionObjective
from lsr1_pl.optim import AimedLSR1, GaussNewton, InMetric, Metric, Standing, unroll
from lsr1_pl.optim.classical.gauss_newton_matrix import GaussNewtonMatrix


class Squares(FunctionObjective):
    """``|A sin(x) - b|^2 / 2`` of B problems; linear where ``bend`` is off."""

    def __init__(self, seed: int, batch: int, size: int, rows: int, bend: bool = True) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.a = torch.randn(batch, rows, size, generator=generator, dtype=torch.float64)
        self.b = torch.randn(batch, rows, generator=generator, dtype=torch.float64)
        self.bend = bend
        super().__init__(lambda x: 0.5 * self.residuals(x).square().sum(dim=1))

    def residuals(self, x: Tensor) -> Tensor:
        bent = x.sin() if self.bend else x
        return torch.bmm(self.a, bent.unsqueeze(2)).squeeze(2) - self.b

    def gauss_newton(self, x: Tensor) -> GaussNewtonMatrix:
        slopes = x.cos() if self.bend else torch.ones_like(x)
        jacobian = self.a * slopes.unsqueeze(1)
        return GaussNewtonMatrix(jacobian)


def zeros(batch: int, size: int) -> Tensor:
    return torch.zeros(batch, size, dtype=torch.float64)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 6))
def test_one_step_solves_linear_least_squares(seed: int, size: int) -> None:
    problem = Squares(seed, 3, size, size + 2, bend=False)
    path = unroll(GaussNewton(), problem, zeros(3, size), 1)
    solved = torch.linalg.lstsq(problem.a, problem.b.unsqueeze(2)).solution.squeeze(2)
    torch.testing.assert_close(path.iterates[1], solved, rtol=1e-6, atol=1e-6)


def test_a_rate_shortens_the_step() -> None:
    problem, x0 = Squares(0, 3, 4, 6), zeros(3, 4)
    whole, half = (unroll(GaussNewton(rate), problem, x0, 1).iterates[1] for rate in (1.0, 0.5))
    torch.testing.assert_close(0.5 * whole, half)


def test_coordinates_do_not_matter() -> None:
    problem, x0 = Squares(1, 3, 4, 6), zeros(3, 4)
    metric = Metric.of_covariance(positive_definite(1, 4, 5)[0])
    plain = unroll(GaussNewton(), problem, x0, 4)
    within = unroll(InMetric(GaussNewton(), metric), problem, x0, 4)
    torch.testing.assert_close(within.iterates, plain.iterates, rtol=1e-9, atol=1e-9)


def test_a_step_counts_its_gradient_and_one_for_each_residual() -> None:
    path = unroll(GaussNewton(), Squares(0, 3, 4, 6), zeros(3, 4), 2)
    assert path.evaluations.diff(dim=0).unique().tolist() == [7]


def test_a_singular_problem_stays_and_others_go_on() -> None:
    problem = Squares(0, 3, 4, 6)
    problem.a[1, :, 2] = 0
    path = unroll(GaussNewton(), problem, zeros(3, 4), 3).iterates
    assert not path[:, 1].any()
    assert path[1, [0, 2]].any(dim=1).all()


def test_too_few_residuals_are_refused_and_counted() -> None:
    with pytest.raises(UserError, match=r"3 residuals cannot tell 4 variables.*prior_weight"):
        unroll(GaussNewton(), Squares(0, 2, 4, 3), zeros(2, 4), 1)


def test_an_objective_without_residuals_is_refused_and_named() -> None:
    with pytest.raises(UserError, match=r"shows its residuals.*lsr1_pl\.least_squares"):
        unroll(GaussNewton(), quadratics(2, 3), zeros(2, 3), 1)


def test_as_b0_it_makes_the_step_that_nobody_corrects() -> None:
    problem, x0, guide = Squares(2, 3, 4, 6), zeros(3, 4), GaussNewton()
    optimizer = AimedLSR1(
        lambda standing: standing.remembered,
        base=lambda state: guide.inverse(state.iterate, problem)[0],
    )
    aimed = unroll(optimizer, problem, x0, 4).iterates
    torch.testing.assert_close(aimed, unroll(guide, problem, x0, 4).iterates)


def test_vectors_beside_b0_carry_what_is_corrected() -> None:
    problem, x, guide = Squares(3, 3, 4, 6, bend=False), zeros(3, 4), GaussNewton(0.5)

    def propose(standing: Standing) -> Tensor:
        return standing.remembered - 0.1 * standing.state.evaluation.gradient

    optimizer = AimedLSR1(propose, 2, base=lambda state: guide.inverse(state.iterate, problem)[0])
    state = optimizer.init(x, problem.evaluate(x))
    for _ in range(4):
        following = optimizer.step(state, problem)
        gradient, inverse = state.evaluation.gradient, guide.inverse(state.iterate, problem)[0]
        dense, b0 = following.curvature.dense(), following.curvature.scale
        torch.testing.assert_close(b0, inverse)
        assert torch.linalg.eigvalsh(dense).min() > 0
        product = torch.bmm(dense, gradient.unsqueeze(2)).squeeze(2)
        torch.testing.assert_close(following.direction, product)
        torch.testing.assert_close(following.curvature.matvec(gradient), product)
        newest = following.curvature.vectors[:, -1]
        corrected = newest * (newest * gradient).sum(dim=1, keepdim=True)
        torch.testing.assert_close(corrected, 0.1 * gradient)
        state = following


def test_b0_of_a_linear_problem_knows_its_secant() -> None:
    problem, x, guide = Squares(4, 3, 4, 6, bend=False), zeros(3, 4), GaussNewton()

    def base(state: object) -> Tensor:
        return guide.inverse(x, problem)[0]

    optimizer = AimedLSR1(lambda standing: 0.3 * standing.remembered, base=base)
    state = optimizer.step(optimizer.init(x, problem.evaluate(x)), problem)
    assert not state.curvature.vectors.any()
    p, q = state.previous_step, state.gradient_change
    assert state.curvature.secant_residual(p, q).max() < 1e-18


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 8))
def test_the_inverse_is_the_dense_one_s_with_a_shared_part_or_without(
    seed: int, size: int, rows: int
) -> None:
    shared, root = positive_definite(2, size, seed)
    generator = torch.Generator().manual_seed(seed)
    some = torch.randn(3, rows, size, generator=generator, dtype=torch.float64)
    for part in (shared, None) if rows >= size else (shared,):
        matrix = GaussNewtonMatrix(some, part)
        expected = torch.linalg.inv(matrix.dense())
        scale = float(expected.abs().max())
        torch.testing.assert_close(matrix.inverse(), expected, rtol=1e-6, atol=1e-8 * scale)
        for turned in (root, root.expand(3, -1, -1)):
            assert matrix.within(turned).gradients == rows
            within = torch.linalg.inv(root @ matrix.dense() @ root)
            torch.testing.assert_close(
                matrix.within(turned).inverse(),
                within,
                rtol=1e-5,
                atol=1e-7 * float(within.abs().max()),
            )
            torch.testing.assert_close(
                matrix.within(turned).dense(), root @ matrix.dense() @ root, rtol=1e-9, atol=1e-9
            )


def test_a_matrix_that_is_not_finite_has_no_inverse_and_others_do() -> None:
    rows = torch.ones(3, 1, 2, dtype=torch.float64)
    rows[1] = torch.nan
    inverse = GaussNewtonMatrix(rows, torch.eye(2, dtype=torch.float64)).inverse()
    assert not inverse[1].any()
    expected = torch.tensor([[2.0, -1.0], [-1.0, 2.0]], dtype=torch.float64) / 3
    torch.testing.assert_close(inverse[2], expected)
