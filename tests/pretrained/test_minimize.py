"""minimize: what users call, and how they are told what is wrong."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import lsr1_pl
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.optim import (
    LBFGS,
    LSR1,
    Adam,
    BatchedOptimizer,
    FamilyOptimizer,
    InMetric,
    LSR1Optimizer,
    MeanSolution,
    PairLSR1,
    Status,
)
from lsr1_pl.pretrained import minimize


def bowl(x: Tensor) -> Tensor:
    return (x - 3).square().sum(dim=-1) + (x - 3).pow(4).sum(dim=-1)


def solver() -> PairLSR1:
    return PairLSR1().double().eval()


def test_a_batch_ends_problem_by_problem() -> None:
    x0 = torch.stack([torch.zeros(4), 3 * torch.ones(4), torch.full((4,), -50.0)]).double()
    found = minimize(bowl, x0, solver(), steps=60, tol=1e-10)
    torch.testing.assert_close(found.x, torch.full_like(x0, 3), atol=1e-3, rtol=0)
    assert found.status == [Status.CONVERGED] * 3
    assert found.steps[1] == 0
    assert found.steps[0] > 0
    assert found.evaluations[1] == 1
    assert bool((found.values.diff(dim=0) <= 0).all())
    assert found.trajectory is None
    for i in range(3):
        alone = minimize(bowl, x0[i], solver(), steps=60, tol=1e-10)
        torch.testing.assert_close(alone.x, found.x[i], rtol=1e-12, atol=1e-12)
        assert alone.steps == found.steps[i]


def test_steps_that_run_out_are_said() -> None:
    found = minimize(Rosenbrock().value, torch.zeros(2, 10).double(), solver(), steps=3)
    assert found.status == [Status.STOPPED] * 2
    assert found.steps.tolist() == [3, 3]
    assert found.values.shape == (4, 2)


def test_a_minimum_beyond_precision_is_said() -> None:
    found = minimize(bowl, torch.zeros(3), PairLSR1(), steps=200, tol=0.0)
    assert found.status in (Status.STALLED, Status.CONVERGED)
    assert found.steps < 200


@pytest.mark.parametrize("optimizer", [Adam(1.0), LBFGS(), LBFGS(4, "strong_wolfe")])
def test_any_optimiser_serves_and_is_guarded(optimizer: BatchedOptimizer) -> None:
    found = minimize(
        Rosenbrock().value, -torch.ones(5, 6).double(), optimizer, steps=30, trajectory=True
    )
    assert bool((found.values.diff(dim=0) <= 0).all())
    assert found.trajectory.shape == (len(found.values), 5, 6)
    torch.testing.assert_close(found.trajectory[-1], found.x)


def test_a_nest_of_tensors_is_one_problem() -> None:
    def fit(parameters: dict[str, Any]) -> Tensor:
        return (parameters["a"] @ parameters["b"][0] - 1).square().sum()

    generator = torch.Generator().manual_seed(0)
    x0 = {
        "a": torch.randn(3, 2, generator=generator),
        "b": [torch.randn(2, generator=generator)],
    }
    copy = x0["a"].clone()
    found = minimize(fit, x0, PairLSR1(), trajectory=True)
    assert found.x["a"].shape == (3, 2)
    assert found.trajectory["a"].shape == (len(found.values), 3, 2)
    assert float(fit(found.x)) == pytest.approx(float(found.value))
    assert float(found.value) < 1e-6
    assert torch.equal(x0["a"], copy)


@pytest.mark.parametrize(
    ("fn", "x0", "message"),
    [
        (bowl, torch.zeros(3, dtype=torch.long), "torch.int64"),
        (bowl, [1.0, 2.0], "float"),
        (bowl, {}, "no tensor"),
        (bowl, torch.zeros(0), "empty"),
        (bowl, torch.zeros(2, 2, 2), r"expected \(B, N\)"),
        (bowl, torch.ones(3).half(), "float16"),
        (bowl, torch.eye(3).to_sparse(), "to_dense"),
        (3, torch.ones(3), "fn is int"),
        (lambda x: x, torch.zeros(3), r"expected a tensor of shape \(\)"),
        (lambda x: x.sum(), torch.zeros(2, 3), r"shape \(2,\)"),
        (lambda x: x.sum().item(), torch.zeros(3), "float for x"),
        (lambda x: x.detach().sum(), torch.zeros(3), "does not depend on x"),
        (lambda x: torch.tensor(np.sum(x.detach().numpy())), torch.zeros(3), "does not depend"),
        (lambda x: x.sum() / 0, torch.ones(3), "objective is not finite in 1 of 1"),
        (lambda x: x.sqrt().sum(), torch.zeros(3), "gradient is not finite"),
        (bowl, torch.full((2, 3), torch.nan), "x0 is not finite in 2 of 2"),
    ],
)
def test_bad_input_is_named(fn: Any, x0: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        minimize(fn, x0, PairLSR1())


def test_bad_settings_are_named() -> None:
    with pytest.raises(UserError, match="steps -1"):
        minimize(bowl, torch.zeros(3), PairLSR1(), steps=-1)
    with pytest.raises(UserError, match="no such checkpoint"):
        minimize(bowl, torch.zeros(3), "nothing_of_this_name")
    with pytest.raises(UserError, match="Metric, which cannot be made without arguments"):
        minimize(bowl, torch.zeros(3), InMetric)
    with pytest.raises(UserError, match="expected a shipped name"):
        minimize(bowl, torch.zeros(3), torch.optim.Adam)  # type: ignore[arg-type]
    wrong: dict[str, Any] = {"steps": 1.5, "tol": "small", "seconds": -1.0, "args": 3, "jac": 7}
    for name, value in wrong.items():
        with pytest.raises(UserError, match=name):
            minimize(bowl, torch.zeros(3), PairLSR1(), **{name: value})


@pytest.mark.parametrize(
    "optimizer",
    [LSR1(hidden_dim=4), FamilyOptimizer(3, start=MeanSolution())],
    ids=["LSR1", "family"],
)
@pytest.mark.parametrize("networks", [torch.float32, torch.float64])
def test_networks_of_another_precision_serve_and_stay_as_they_are(
    optimizer: Any, networks: torch.dtype
) -> None:
    optimizer = optimizer.to(networks).eval()
    before = copy.deepcopy(optimizer.state_dict())
    wide = torch.ones(3).double()
    for fn, x0 in ((bowl, torch.zeros(3)), (bowl, 0 * wide), (lambda x: bowl(x * wide), 0 * wide)):
        found = minimize(fn, x0, optimizer, steps=5)
        expected = minimize(fn, x0, copy.deepcopy(optimizer).to(found.x.dtype), steps=5)
        assert torch.equal(found.x, expected.x)
        assert float(found.value) < float(bowl(torch.zeros(3)))
    assert found.x.dtype == torch.float64
    after = optimizer.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert {weight.dtype for weight in optimizer.parameters()} == {networks}


def test_the_package_offers_them() -> None:
    assert lsr1_pl.minimize is minimize
    assert lsr1_pl.LSR1Optimizer is LSR1Optimizer
    assert callable(lsr1_pl.load_pretrained)
    with pytest.raises(AttributeError, match="no attribute"):
        _ = lsr1_pl.nothing  # type: ignore[attr-defined]


HOSTILE: dict[str, Any] = {
    "bowl": lambda x: x.square().sum(dim=1),
    "valley": lambda x: Rosenbrock().value(x),
    "corners": lambda x: x.abs().sum(dim=1),
    "no lower bound": lambda x: -x.square().sum(dim=1),
    "nan beyond": lambda x: torch.where(x[:, 0] < -0.3, torch.nan, 1.0) * x.square().sum(dim=1),
    "saddle at zero": lambda x: x[:, 0] * x[:, 1] + x.pow(4).sum(dim=1),
    "flat": lambda x: 0 * x.sum(dim=1),
    "overflows": lambda x: torch.exp(x).sum(dim=1),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", HOSTILE)
def test_the_default_is_finite_and_never_worse_than_the_start(
    name: str, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(0)
    for height in (1e-12, 1.0, 1e12):
        for width in (1e-12, 1.0, 1e12):
            x0 = width * torch.randn(12, 4, dtype=dtype, generator=generator)
            x0[0] = 0

            def function(x: Tensor, height: float = height, width: float = width) -> Tensor:
                value: Tensor = height * HOSTILE[name](x / width)
                return value

            start = function(x0)
            sound = start.isfinite()
            found = minimize(function, x0[sound], steps=15)
            assert bool(found.x.isfinite().all())
            assert bool((found.value <= start[sound]).all())
            assert len(found.status) == int(sound.sum())


def test_a_misspelt_optimizer_gets_the_nearest_class() -> None:
    with pytest.raises(UserError, match=r"BFGSS: no such file.*LBFGS.*did you mean 'BFGS'"):
        minimize(lambda x: x.square().sum(), torch.ones(3), "BFGSS")


def test_a_function_without_a_lower_bound_is_told_as_a_reason() -> None:
    found = minimize(lambda x: x.sum(), torch.ones(3))
    assert not found.success
    assert "no lower bound" in found.message


def test_the_skeleton_by_name_remembers_as_many_pairs_as_the_default() -> None:
    x0, valley = torch.zeros(1, 20, dtype=torch.float64), Rosenbrock().value
    values = [
        float(minimize(valley, x0, optimizer, steps=40, tol=0.0).value)
        for optimizer in ["PairLSR1", PairLSR1, PairLSR1(22).double().eval(), PairLSR1(8).double()]
    ]
    assert values[0] == values[1] == values[2] != values[3]


def test_a_function_of_numpy_without_jac_is_told_so() -> None:
    with pytest.raises(UserError, match="works with NumPy, but without jac it gets torch tensors"):
        minimize(lambda x: np.square(x).sum(), np.ones(4))
