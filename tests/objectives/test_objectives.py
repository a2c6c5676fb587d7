"""Objectives: written-out derivatives against autograd, and the modes of the autograd base."""

from __future__ import annotations

import pytest
import torch

from lsr1_pl.errors import UserError
from lsr1_pl.objectives import FunctionObjective, Quadratic


def problem(size: int = 3) -> Quadratic:
    torch.manual_seed(size)
    A = torch.randn(4, size, size, dtype=torch.float64)
    return Quadratic(A.mT @ A, torch.randn(4, size, dtype=torch.float64))


@pytest.mark.parametrize("size", [1, 2, 10])
def test_quadratic_gradient_equals_autograd(size: int) -> None:
    quadratic = problem(size)
    x = torch.randn(4, size, dtype=torch.float64)
    expected = FunctionObjective(quadratic.value).evaluate(x)
    torch.testing.assert_close(quadratic.evaluate(x)._asdict(), expected._asdict())


def test_quadratic_value_is_eq_10() -> None:
    quadratic = Quadratic(torch.tensor([[[2.0, 0.0], [0.0, 4.0]]]), torch.tensor([[1.0, -1.0]]))
    assert quadratic.value(torch.tensor([[3.0, 0.5]])).item() == pytest.approx(9 + 0.5 + 3 - 0.5)


def test_minimizer_has_no_gradient_and_the_minimum() -> None:
    quadratic = problem()
    at_minimum = quadratic.evaluate(quadratic.minimizer())
    assert at_minimum.gradient.abs().max() < 1e-9
    torch.testing.assert_close(at_minimum.value, quadratic.minimum())


def test_newton_direction_leads_to_the_minimizer_in_one_step() -> None:
    quadratic = problem()
    x = torch.randn(4, 3, dtype=torch.float64)
    torch.testing.assert_close(x + quadratic.newton_direction(x), quadratic.minimizer())


def test_first_order_cuts_the_gradient_but_not_the_value() -> None:
    for objective in (problem(), FunctionObjective(problem().value)):
        x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
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
