"""Objectives: written-out derivatives against autograd, and the modes of the autograd base."""

from __future__ import annotations

import math

import pytest
import torch
from random_problems import quadratics, starts

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.objectives import (
    DiagonalQuadratic,
    FunctionObjective,
    Quadratic,
    Rastrigin,
    Rosenbrock,
)


@pytest.mark.parametrize("size", [1, 2, 10])
def test_quadratic_gradient_equals_autograd(size: int) -> None:
    quadratic = quadratics(4, size)
    x = starts(4, size)
    expected = FunctionObjective(quadratic.value).evaluate(x)
    torch.testing.assert_close(quadratic.evaluate(x)._asdict(), expected._asdict())


def test_quadratic_value_is_eq_10() -> None:
    quadratic = Quadratic(torch.tensor([[[2.0, 0.0], [0.0, 4.0]]]), torch.tensor([[1.0, -1.0]]))
    assert quadratic.value(torch.tensor([[3.0, 0.5]])).item() == pytest.approx(9 + 0.5 + 3 - 0.5)


def test_minimizer_has_no_gradient_and_the_minimum() -> None:
    quadratic = quadratics(4, 3)
    at_minimum = quadratic.evaluate(quadratic.minimizer())
    assert at_minimum.gradient.abs().max() < 1e-9
    torch.testing.assert_close(at_minimum.value, quadratic.minimum())


def test_newton_direction_leads_to_the_minimizer_in_one_step() -> None:
    quadratic = quadratics(4, 3)
    x = starts(4, 3)
    torch.testing.assert_close(x + quadratic.newton_direction(x), quadratic.minimizer())


def test_first_order_cuts_the_gradient_but_not_the_value() -> None:
    for objective in (quadratics(4, 3), FunctionObjective(quadratics(4, 3).value)):
        x = starts(4, 3).requires_grad_()
        evaluation = objective.evaluate(x, second_order=False)
        assert evaluation.value.requires_grad
        assert not evaluation.gradient.requires_grad
        assert objective.evaluate(x).gradient.requires_grad


def test_function_objective_leaves_grad_mode_and_x_alone() -> None:
    x = torch.ones(2, 2)
    with torch.no_grad():
        evaluation = FunctionObjective(lambda x: x.square().sum(dim=1)).evaluate(x)
        assert not torch.is_grad_enabled()
    assert not x.requires_grad
    assert not evaluation.value.requires_grad
    torch.testing.assert_close(evaluation.gradient, 2 * x)


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(UserError, match="expected"):
        Quadratic(torch.ones(2, 3, 2), torch.ones(2, 3))
    with pytest.raises(UserError, match="one value a problem"):
        FunctionObjective(lambda x: x.sum()).evaluate(torch.ones(2, 3))


FUNCTIONS: list[Objective] = [
    Rosenbrock(),
    Rastrigin(),
    DiagonalQuadratic(1.0),
    DiagonalQuadratic(10_000.0),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_written_out_gradients(function: Objective) -> None:
    torch.manual_seed(1)
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    evaluation = function.evaluate(x)
    torch.testing.assert_close(evaluation.value, function.value(x))
    expected = FunctionObjective(function.value).evaluate(x)
    torch.testing.assert_close(evaluation.gradient, expected.gradient)
    assert torch.autograd.gradcheck(function.value, x)
    assert torch.autograd.gradcheck(lambda x: function.evaluate(x).gradient, x)
    assert not function.evaluate(x, second_order=False).gradient.requires_grad


@pytest.mark.parametrize("function", [*FUNCTIONS, quadratics(4, 4)])
def test_hessian_vector_products(function: Objective) -> None:
    torch.manual_seed(2)
    x, v = torch.randn(2, 4, 4, dtype=torch.float64)
    product = function.hessian_vector_product(x, v)
    by_autograd = FunctionObjective(function.value).hessian_vector_product(x, v)
    torch.testing.assert_close(product, by_autograd)
    assert not product.requires_grad


def test_hessian_vector_product_of_a_linear_function_is_zero() -> None:
    linear = FunctionObjective(lambda x: x.sum(dim=1))
    assert linear.hessian_vector_product(torch.ones(2, 3), torch.ones(2, 3)).abs().max() == 0


@pytest.mark.parametrize("function", FUNCTIONS)
def test_known_minimisers(function: Rosenbrock | Rastrigin | DiagonalQuadratic) -> None:
    x = torch.randn(2, 6, dtype=torch.float64)
    minimizer = function.minimizer(x)
    evaluation = function.evaluate(minimizer)
    assert evaluation.value.tolist() == [0, 0]
    assert evaluation.gradient.abs().max() < 1e-12
    assert bool((function.value(minimizer + 0.01 * x) > 0).all())


def test_definitions_of_surjanovic_and_bingham() -> None:
    x = torch.tensor([[-1.2, 1.0, 2.0]], dtype=torch.float64)
    rosenbrock = 100 * (1 - 1.44) ** 2 + 2.2**2 + 100 * (2 - 1) ** 2 + 0
    assert Rosenbrock().value(x).item() == pytest.approx(rosenbrock)
    rastrigin = 30 + (1.44 + 1 + 4) - 10 * (math.cos(2 * math.pi * 1.2) + 1 + 1)
    assert Rastrigin().value(x).item() == pytest.approx(rastrigin)
    eigenvalues = DiagonalQuadratic(100.0).eigenvalues(x)
    assert eigenvalues.tolist() == pytest.approx([0.01, 0.1, 1.0])


def test_bad_conditions_and_sizes_are_named() -> None:
    with pytest.raises(UserError, match="condition"):
        DiagonalQuadratic(0.5)
    with pytest.raises(UserError, match="2 variables"):
        Rosenbrock().value(torch.ones(3, 1))
