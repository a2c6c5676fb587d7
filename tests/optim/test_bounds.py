"""Bounds: minima that satisfy the first-order conditions, never evaluated outside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from torch import Tensor

from lsr1_pl import minimize
from lsr1_pl.bench.functions.classical_problems import classical_problems
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import Status

D = torch.float64
PROBLEMS = {problem.name: problem for problem in classical_problems()}
BOXED = ["rosenbrock 2", "rosenbrock 10", "beale", "bard", "biggs exp6", "kowalik and osborne"]
BOXED += ["jennrich and sampson", "dixon and price 10", "condition 1e6", "exp(x) - x, far", "cube"]


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[..., 1:] - x[..., :-1] ** 2) ** 2 + (1 - x[..., :-1]) ** 2).sum(-1)


@pytest.mark.parametrize("name", BOXED)
def test_boxes_are_solved_as_well_as_by_scipy(name: str) -> None:
    problem = PROBLEMS[name]
    x0 = problem.x0()
    rng = np.random.default_rng(len(name))
    lower = x0 - torch.tensor(rng.uniform(0.1, 2, len(x0)))
    upper = x0 + torch.tensor(rng.uniform(0.1, 0.7, len(x0)))
    outside = []

    def function(x: Tensor) -> Tensor:
        outside.append(bool(((x < lower) | (x > upper)).any()))
        return problem.function(x)

    found = minimize(function, x0, bounds=(lower, upper))
    assert not any(outside)
    assert found.status is Status.CONVERGED

    def both(point: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.tensor(point, requires_grad=True)
        value = problem.function(x)
        return float(value.detach()), torch.autograd.grad(value, x)[0].numpy()

    pairs = list(zip(lower.tolist(), upper.tolist(), strict=True))
    peer = optimize.minimize(both, x0.numpy(), jac=True, method="L-BFGS-B", bounds=pairs)
    assert float(found.value) <= peer.fun + 1e-8 * (1 + abs(peer.fun))
    assert int(found.evaluations) <= 1.5 * peer.nfev + 6


def test_bounds_far_away_change_nothing() -> None:
    x0 = torch.full((4,), -1.0, dtype=D)
    free = minimize(rosenbrock, x0)
    boxed = minimize(rosenbrock, x0, bounds=(-torch.inf, None))
    assert boxed.evaluations == free.evaluations
    torch.testing.assert_close(boxed.x, free.x, rtol=1e-8, atol=0)


def test_each_problem_has_its_bounds() -> None:
    targets = torch.tensor([[2.0, -2.0], [0.5, 0.0], [-3.0, 3.0]], dtype=D)
    lower = torch.tensor([[-1.0, -1.0], [-1.0, -1.0], [-5.0, 0.0]], dtype=D)
    found = minimize(
        lambda x: (x - targets).square().sum(dim=1), torch.zeros(3, 2), bounds=(lower, 1.0)
    )
    torch.testing.assert_close(found.x, torch.maximum(targets.clamp(max=1), lower))
    assert bool(found.success.all())  # type: ignore[union-attr]
    assert float(found.gradient_norm.max()) < 1e-6


def test_a_nest_has_bounds_of_its_structure() -> None:
    found = minimize(
        lambda q: (q["a"] - 2).square().sum() + (q["b"] + 1).square(),
        {"a": torch.zeros(2), "b": torch.tensor(3.0)},
        bounds=({"a": torch.tensor([-1.0, -1.0]), "b": 0.0}, {"a": 1.0, "b": torch.inf}),
    )
    torch.testing.assert_close(found.x["a"], torch.ones(2))
    torch.testing.assert_close(found.x["b"], torch.tensor(0.0))


def test_a_gradient_of_ones_own_is_not_asked_outside() -> None:
    def barrier(x: np.ndarray) -> tuple[float, np.ndarray]:
        assert (x >= 0).all(), x
        return float((np.sqrt(x) - 2 * x + x**2).sum()), 0.5 / np.sqrt(x + 1e-300) - 2 + 2 * x

    found = minimize(barrier, np.array([1e-3, 0.4, 2.0]), jac=True, bounds=(0.0, 3.0))
    assert isinstance(found.x, np.ndarray)
    assert found.status is Status.CONVERGED


def test_a_start_outside_is_moved_in() -> None:
    found = minimize(lambda x: x.square().sum(), torch.full((2,), 9.0, dtype=D), bounds=(1.0, 2.0))
    assert found.x.tolist() == [1.0, 1.0]
    assert found.reason == "the gradient is zero"


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 8))
def test_convex_quadratics_end_at_their_constrained_minimum(seed: int, size: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(size, size, dtype=D, generator=generator)
    H = A @ A.T + 0.1 * torch.eye(size, dtype=D)
    b = 3 * torch.randn(size, dtype=D, generator=generator)
    x0 = 3 * torch.randn(size, dtype=D, generator=generator)
    found = minimize(lambda x: 0.5 * x @ H @ x + b @ x, x0, bounds=(-1.0, 1.0))
    assert found.status is Status.CONVERGED, found
    gradient = H @ found.x + b
    # One step down the gradient, projected, stays.
    moved = (found.x - gradient).clamp(-1, 1) - found.x
    assert float(moved.norm()) <= 1e-3 * (1 + float(b.norm()))


@pytest.mark.parametrize(
    ("bounds", "options", "message"),
    [
        ((2.0, 1.0), {}, "above its upper"),
        ((float("nan"), 1.0), {}, "not a number"),
        ([(0, 1), (0, 1), (0, 1)], {}, r"\(lower, upper\)"),
        ((torch.zeros(2), None), {}, r"lower bound is of shape \(2,\)"),
        ((None, "high"), {}, "upper bound"),
        ((0.0, 1.0), {"optimizer": "Adam"}, "not by Adam"),
        ((0.0, 1.0), {"optimizer": "LBFGS"}, "PairLSR1 alone.*not by LBFGS"),
    ],
)
def test_wrong_bounds_are_named(bounds: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        minimize(lambda x: x.square().sum(), torch.ones(3), bounds=bounds, **options)


def test_scipys_pairs_of_two_variables_are_refused_where_they_would_be_misread() -> None:
    pairs = [(-2.0, 2.0), (0.0, 3.0)]

    def bowl(x: Tensor) -> Tensor:
        return (x - 5).square().sum()

    for form in (pairs, tuple(pairs), tuple(zip(*pairs, strict=True))):
        with pytest.raises(UserError, match="or a pair a variable as SciPy has them"):
            minimize(bowl, torch.zeros(2), bounds=form)
    arrays = np.array([-2.0, 0.0]), np.array([2.0, 3.0])
    found = minimize(bowl, torch.zeros(2), bounds=arrays)
    torch.testing.assert_close(found.x, torch.tensor([2.0, 3.0]))
    listed = minimize(bowl, torch.zeros(3), bounds=[[-2.0, 0.0, 0.0], [2.0, 3.0, 4.0]])
    torch.testing.assert_close(listed.x, torch.tensor([2.0, 3.0, 4.0]))
