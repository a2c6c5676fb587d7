"""minimize and LSR1Optimizer: what users call, and how they are told what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import lsr1_pl
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.optim import LBFGS, LSR1, Adam, BatchedOptimizer, LSR1Optimizer, PairLSR1, Status
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
        (bowl, [torch.zeros(2), torch.zeros(2).double()], "mixes dtypes"),
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


def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)
    ).double()


def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    X = torch.randn(40, 3, dtype=torch.float64, generator=generator)
    return X, X[:, :1].sin() * X[:, 1:2]


def closure_of(model: torch.nn.Module, optimizer: LSR1Optimizer) -> Any:
    X, Y = data()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (model(X) - Y).square().mean()
        loss.backward()
        return loss

    return closure


@pytest.mark.parametrize("learned", [False, True])
def test_the_torch_face_takes_the_steps_of_minimize(learned: bool) -> None:
    torch.manual_seed(0)
    inner: BatchedOptimizer = (
        LSR1(hidden_dim=8, gamma1=0.1).double().eval() if learned else solver()
    )
    model = network()
    names = dict(model.named_parameters())
    X, Y = data()

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        return (torch.func.functional_call(model, parameters, (X,)) - Y).square().mean()

    start = {name: p.detach().clone() for name, p in names.items()}
    found = minimize(loss, start, inner, steps=12, tol=0.0)
    optimizer = LSR1Optimizer(model.parameters(), inner)
    closure = closure_of(model, optimizer)
    for k in range(12):
        before = optimizer.step(closure)
        assert float(before) == pytest.approx(float(found.values[k]), rel=1e-6)
    for name, parameter in names.items():
        torch.testing.assert_close(parameter.detach(), found.x[name], rtol=1e-6, atol=1e-6)


def test_the_torch_face_goes_on_from_a_state_dict(tmp_path: Any) -> None:
    model = network()
    optimizer = LSR1Optimizer(model.parameters(), solver())
    for _ in range(4):
        optimizer.step(closure_of(model, optimizer))
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "s")
    for _ in range(4):
        optimizer.step(closure_of(model, optimizer))

    other = network()
    resumed = LSR1Optimizer(other.parameters(), solver())
    saved = torch.load(tmp_path / "s", weights_only=True)
    other.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimizer"])
    for _ in range(4):
        resumed.step(closure_of(other, resumed))
    for ours, theirs in zip(other.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_torch_face_names_what_is_wrong() -> None:
    model = network()
    with pytest.raises(UserError, match="floating point"):
        LSR1Optimizer([torch.zeros(3, dtype=torch.long)])
    with pytest.raises(UserError, match="one dtype"):
        LSR1Optimizer([torch.zeros(3, requires_grad=True), torch.zeros(3).double()])
    optimizer = LSR1Optimizer(model.parameters())
    with pytest.raises(UserError, match="needs a closure"):
        optimizer.step()
    with pytest.raises(UserError, match=r"loss\.backward"):
        optimizer.step(lambda: model(data()[0]).sum())
    with pytest.raises(UserError, match="one number"):
        optimizer.step(lambda: model(data()[0]))

    def broken() -> Tensor:
        optimizer.zero_grad()
        loss = model(data()[0]).sum() * torch.nan
        loss.backward()
        return loss

    with pytest.raises(UserError, match="nan at the start"):
        optimizer.step(broken)


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
