"""Statuses are true: ``converged`` only at a minimum, no stall where the function still falls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lsr1_pl import minimize
from lsr1_pl.bench.functions.classical_problems import ClassicalProblem, classical_problems
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import LBFGS, Adam, PairLSR1, Status, StoppingTest, Tolerance
from lsr1_pl.optim.stopping import Glance

D = torch.float64
Function = Callable[[Tensor], Tensor]


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


FAR: dict[str, tuple[Function, list[float], float]] = {
    "exp(x) - x": (lambda x: (x.exp() - x).sum(), [30.0], 1.0),
    "exp(x) - x, one far": (lambda x: (x.exp() - x).sum(), [30.0, -3.0, 0.5, -1.0, 2.0], 5.0),
    "quartic": (lambda x: ((x - 1) ** 4).sum(), [1e4], 0.0),
    "quartic at zero": (lambda x: (x**4).sum(), [1e4, 3.0], 0.0),
    "cosh": (lambda x: torch.cosh(x[0] - 1) + 0.01 * (x[1] - 5) ** 2, [25.0, 0.0], 1.0),
    "condition 1e9": (
        lambda x: 1e6 * (x[0] - 1) ** 2 + 1e-3 * (x[1] - 500) ** 2,
        [1e3, 0.0],
        0.0,
    ),
}


@pytest.mark.parametrize("tol", [None, 1e-8, 1e-10, 0.0])
@pytest.mark.parametrize("name", FAR)
def test_converged_is_said_at_the_minimum_alone(name: str, tol: float | None) -> None:
    function, start, least = FAR[name]
    found = minimize(function, torch.tensor(start, dtype=D), tol=tol)
    assert found.status is Status.CONVERGED
    assert float(found.value) - least <= 1e-8 * (1 + abs(least))
    assert tol == 0 or int(found.evaluations) <= 120


PROBLEMS = {problem.name: problem for problem in classical_problems()}


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_defaults_solve_the_classical_problems(name: str) -> None:
    problem = PROBLEMS[name]
    found = minimize(problem.function, problem.x0())
    assert found.success is True
    assert problem.solved(float(found.value)), found


@pytest.mark.parametrize("name", ["rosenbrock 2", "wood", "bard", "exp(x) - x, far", "beale"])
@pytest.mark.parametrize("optimizer", [LBFGS(8, "strong_wolfe"), LBFGS(8, "armijo"), "BFGS"])
def test_other_optimisers_are_judged_as_truly(name: str, optimizer: Any) -> None:
    problem = PROBLEMS[name]
    found = minimize(problem.function, problem.x0(), optimizer)
    assert found.status is not Status.CONVERGED or problem.solved(float(found.value)), found


def test_a_slow_optimiser_is_not_called_converged() -> None:
    found = minimize(lambda x: (x - 1000).square().sum(), torch.zeros(3, dtype=D), Adam(1e-3), 50)
    assert found.status is Status.STOPPED
    assert "50 steps" in str(found.reason)
    assert found.success is False


@pytest.mark.parametrize("dtype", [torch.float32, D])
def test_a_start_at_the_solution_ends_at_once(dtype: torch.dtype) -> None:
    first = minimize(rosenbrock, torch.full((10,), -1.0, dtype=dtype))
    again = minimize(rosenbrock, first.x)
    assert first.status is again.status is Status.CONVERGED
    assert int(again.evaluations) <= 7
    exact = minimize(rosenbrock, torch.ones(10, dtype=dtype))
    assert exact.status is Status.CONVERGED
    assert int(exact.evaluations) == 1
    assert exact.reason == "the gradient is zero"


A = torch.arange(5.0)


def softplus_pair(x: Tensor) -> Tensor:
    softplus = torch.nn.functional.softplus
    return (softplus(x) + softplus(-2 * x)).sum()


STARTS: dict[str, tuple[Function, Tensor, float]] = {
    "norm": (lambda x: (x - A.to(x)).norm(), torch.full((5,), 7.3), 0.0),
    "x + exp(-10 x)": (
        lambda x: (x + (-10 * x).exp()).sum(),
        torch.full((3,), 10.0),
        0.990775527898,
    ),
}
for _s in (5.0, 20.0, 30.0, 50.0):
    STARTS[f"log cosh from {_s:g}"] = (
        lambda x: 0.3 * torch.cosh(x - 1).log().sum(),
        torch.full((10,), _s),
        0.0,
    )
for _s in (1e2, 1e4, 1e6, 1e8):
    STARTS[f"pseudo-Huber from {_s:g}"] = (
        lambda x: torch.sqrt(1 + x * x).sum(),
        torch.full((10,), _s),
        10.0,
    )
for _s in (10.0, 30.0, 40.0, 100.0):
    STARTS[f"softplus from {_s:g}"] = (softplus_pair, torch.full((3,), _s), 3.8517204431)
for _s in (10.0, 1e3, 1e5):
    STARTS[f"Cauchy from {_s:g}"] = (
        lambda x: torch.log1p(x * x).sum(),
        torch.full((3,), _s),
        0.0,
    )


@pytest.mark.parametrize("dtype", [torch.float32, D])
@pytest.mark.parametrize("name", STARTS)
def test_no_stall_at_a_start_with_a_slope(name: str, dtype: torch.dtype) -> None:
    function, start, least = STARTS[name]
    found = minimize(function, start.to(dtype))
    close = 1e-8 if dtype is D else 1e-5
    assert float(found.value) - least <= close * (1 + abs(least)), found
    assert found.status is Status.CONVERGED, found
    # At the tip of a cone nothing but its very end has a small slope.
    assert int(found.evaluations) <= (600 if name == "norm" else 100)


@pytest.mark.parametrize("start", [1e2, 1e8])
def test_a_search_of_l_bfgs_does_not_begin_below_rounding(start: float) -> None:
    x0 = torch.full((10,), start)
    found = minimize(lambda x: torch.sqrt(1 + x * x).sum(), x0, LBFGS(10, "strong_wolfe"))
    assert float(found.value) == pytest.approx(10, rel=1e-5)


def scaled(problem: ClassicalProblem, height: float, width: float) -> tuple[Function, Tensor]:
    return (lambda x: height * problem.function(x / width)), width * problem.x0()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(["beale", "bard", "brown and dennis", "box 3d", "himmelblau", "gaussian"]),
    height=st.integers(-30, 30),
    width=st.integers(-30, 30),
)
def test_the_end_has_no_unit(name: str, height: int, width: int) -> None:
    problem = PROBLEMS[name]
    plain = minimize(problem.function, problem.x0())
    # Powers of two: every rounding is the same.
    function, x0 = scaled(problem, 2.0**height, 2.0**width)
    found = minimize(function, x0)
    assert found.status is plain.status
    assert found.evaluations == plain.evaluations
    torch.testing.assert_close(found.x / 2.0**width, plain.x, rtol=1e-12, atol=0)
    assert found.reason == plain.reason


def test_a_problem_ends_as_it_does_alone() -> None:
    problem = PROBLEMS["rosenbrock 2"]
    starts = torch.tensor([[-1.2, 1.0], [1.0, 1.0], [30.0, -5.0], [0.0, 0.0]], dtype=D)
    found = minimize(problem.function, starts)
    for i, start in enumerate(starts):
        alone = minimize(problem.function, start)
        assert alone.status is found.status[i]  # type: ignore[index]
        assert alone.reason == found.reason[i]
        assert alone.evaluations == found.evaluations[i]
    assert found.success.tolist() == [True] * 4  # type: ignore[union-attr]


def test_the_result_speaks_scipy_too() -> None:
    found = minimize(rosenbrock, torch.zeros(3, dtype=D))
    assert found.fun is found.value
    assert found.nit is found.steps
    assert found.nfev is found.evaluations
    assert found.message is found.reason
    x = found.x.requires_grad_()
    (gradient,) = torch.autograd.grad(rosenbrock(x), x)
    assert float(found.gradient_norm) == pytest.approx(float(gradient.abs().max()))


class BelowOne(StoppingTest):
    def met(self, glance: Glance) -> dict[str, Tensor]:
        return {"the value is below 1": glance.value < 1}


def test_a_test_of_ones_own_serves() -> None:
    found = minimize(rosenbrock, torch.full((4,), -1.0, dtype=D), tol=BelowOne())
    assert found.status is Status.CONVERGED
    assert found.reason == "the value is below 1"
    assert float(found.values[-2]) >= 1 > float(found.value)


def lasso(x: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(60, 20, dtype=D, generator=generator)
    y = X[:, :4].sum(dim=1) + 0.3 * torch.randn(60, dtype=D, generator=generator)
    return (X @ x - y).square().sum() / 2 + 10 * x.abs().sum()


@pytest.mark.parametrize(
    "function", [lasso, lambda x: (x - 0.7).abs().sum(), lambda x: (x - 1).abs().max()]
)
def test_a_corner_above_the_minimum_is_not_called_converged(function: Function) -> None:
    found = minimize(function, torch.linspace(0.1, 0.5, 20, dtype=D))
    slope = float(found.gradient_norm)
    assert found.status is not Status.CONVERGED or slope < 1e-3 or float(found.value) < 1e-8


def test_a_tolerance_must_be_a_number() -> None:
    for wrong in (-1.0, float("nan")):
        with pytest.raises(UserError, match="tol"):
            Tolerance(wrong)


def test_no_lower_bound_ends_without_success() -> None:
    found = minimize(lambda x: -x.square().sum(), torch.ones(3, dtype=D), PairLSR1().double())
    assert found.status is not Status.CONVERGED
    assert bool(found.value.isfinite())
