"""Line searches: the conditions that they promise, and what they count."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lsr1_pl.ground.types import Objective
from lsr1_pl.objectives import FunctionObjective, Rastrigin, Rosenbrock
from lsr1_pl.optim.line_search import armijo, strong_wolfe
from lsr1_pl.optim.protocol import all_finite

FUNCTIONS: list[Objective] = [Rosenbrock(), Rastrigin()]


def lines(objective: Objective, scale: float) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    x = torch.randn(64, 4, dtype=torch.float64)
    return x, -scale * objective.evaluate(x).gradient


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 100.0])
@pytest.mark.parametrize("objective", FUNCTIONS)
def test_strong_wolfe_conditions(objective: Objective, scale: float) -> None:
    x, along = lines(objective, scale)
    start = objective.evaluate(x)
    step = strong_wolfe(objective, x, start, along, torch.ones(64, dtype=torch.float64))
    slope = (start.gradient * along).sum(dim=1)
    bound = start.value + 1e-4 * step.length * slope
    assert bool((step.evaluation.value <= bound).all())
    after = (step.evaluation.gradient * along).sum(dim=1)
    assert bool((after.abs() <= -0.9 * slope).all())
    torch.testing.assert_close(step.iterate, x + step.length.unsqueeze(1) * along)
    assert int(step.evaluations.min()) >= 1
    assert int(step.evaluations.max()) <= 25


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("objective", FUNCTIONS)
def test_armijo_condition(objective: Objective, scale: float) -> None:
    x, along = lines(objective, scale)
    start = objective.evaluate(x)
    step = armijo(objective, x, start, along, torch.ones(64, dtype=torch.float64))
    slope = (start.gradient * along).sum(dim=1)
    assert bool((step.evaluation.value <= start.value + 1e-4 * step.length * slope).all())
    assert bool((step.length > 0).all())


@pytest.mark.parametrize("search", [armijo, strong_wolfe])
def test_stays_where_no_step_descends(search: object) -> None:
    x = torch.ones(2, 3, dtype=torch.float64)
    start = Rosenbrock().evaluate(x + 1)
    uphill = start.gradient
    step = search(Rosenbrock(), x + 1, start, uphill, torch.ones(2, dtype=torch.float64))  # type: ignore[operator]
    assert torch.equal(step.iterate, x + 1)
    assert step.length.tolist() == [0, 0]
    assert step.evaluations.tolist() == [0, 0]


@pytest.mark.parametrize("search", [armijo, strong_wolfe])
def test_values_that_are_not_finite_are_too_long(search: object) -> None:
    objective = FunctionObjective(lambda x: -torch.log(1 - x.sum(dim=1)) - 3 * x.sum(dim=1))
    x = torch.zeros(3, 1, dtype=torch.float64)
    start = objective.evaluate(x)
    along = torch.ones(3, 1, dtype=torch.float64)
    step = search(objective, x, start, along, torch.tensor([50.0, 1.0, 0.1], dtype=torch.float64))  # type: ignore[operator]
    assert bool(step.evaluation.value.isfinite().all())
    assert bool((step.evaluation.value < start.value).all())


def test_each_problem_counts_its_own_evaluations() -> None:
    objective = FunctionObjective(lambda x: x.square().sum(dim=1))
    x = torch.ones(2, 1, dtype=torch.float64)
    start = objective.evaluate(x)
    first = torch.tensor([0.5, 50.0], dtype=torch.float64)
    step = armijo(objective, x, start, -start.gradient, first)
    assert step.evaluations.tolist() == [1, 3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_number_that_is_not_finite_is_found(dtype: torch.dtype) -> None:
    largest = torch.finfo(dtype).max
    rows = torch.zeros(6, 5, dtype=dtype)
    rows[0] = largest
    rows[1] = -largest
    for row, number in enumerate((torch.nan, torch.inf, -torch.inf), 2):
        rows[row, row] = number
    rows[5, 0], rows[5, 1] = torch.inf, torch.nan
    assert all_finite(rows).tolist() == rows.isfinite().all(dim=1).tolist()
    assert all_finite(rows).tolist() == [True, True, False, False, False, False]
    assert not all_finite(rows.requires_grad_()).requires_grad
    assert all_finite(rows[:, :0]).all()
