"""PSD-SR1, and the guard around any optimiser."""

from __future__ import annotations

import pytest
import torch
from random_problems import quadratics, starts
from torch import Tensor

from lsr1_pl.ground.types import Objective
from lsr1_pl.objectives import FunctionObjective, Rastrigin, Rosenbrock
from lsr1_pl.optim import (
    LBFGS,
    LSR1,
    PSDSR1,
    SR1,
    AdaHessian,
    Adam,
    BatchedOptimizer,
    GradientDescent,
    InMetric,
    Metric,
    Nesterov,
    Newton,
    OptimizerState,
    Safeguarded,
    unroll,
)

BATCH, SIZE = 16, 6


def lsr1() -> LSR1:
    torch.manual_seed(0)
    return LSR1(hidden_dim=8, buffer_size=3, gamma1=1.0).double().eval()


UNGUARDED: dict[str, BatchedOptimizer] = {
    "gradient descent": GradientDescent(1.0),
    "nesterov": Nesterov(0.1),
    "adam": Adam(1.0),
    "adahessian": AdaHessian(1.0),
    "newton": Newton(1.0),
    "sr1": SR1(),
    "psd-sr1": PSDSR1(),
    "l-bfgs": LBFGS(4),
    "l-sr1": lsr1(),
    "in a metric": InMetric(PSDSR1(), Metric.of_covariance(torch.arange(1.0, 7.0).double().diag())),
}


@pytest.mark.parametrize("name", UNGUARDED)
@pytest.mark.parametrize("function", ["rosenbrock", "rastrigin", "nan beyond"])
def test_a_guarded_step_never_raises_the_value(name: str, function: str) -> None:
    def broken(x: Tensor) -> Tensor:
        value = Rosenbrock().value(x)
        return torch.where(x[:, 0] < -0.5, torch.full_like(value, torch.nan), value)

    objective = {
        "rosenbrock": Rosenbrock(),
        "rastrigin": Rastrigin(),
        "nan beyond": FunctionObjective(broken),
    }[function]
    with torch.no_grad():
        path = unroll(Safeguarded(UNGUARDED[name]), objective, 2 * starts(BATCH, SIZE), 25)
        free = unroll(UNGUARDED[name], objective, 2 * starts(BATCH, SIZE), 25)
    sound = path.values[0].isfinite()
    assert bool(path.values[:, sound].isfinite().all())
    assert bool((path.values[:, sound].diff(dim=0) <= 0).all())
    assert bool((path.values[-1, sound] < path.values[0, sound]).all())
    assert bool((path.evaluations[-1] >= free.evaluations[-1]).all())


def test_a_sound_run_is_left_alone() -> None:
    objective, optimizer = quadratics(BATCH, SIZE, unit_norm=True), GradientDescent(0.5)
    with torch.no_grad():
        guarded = unroll(Safeguarded(optimizer), objective, 2 * starts(BATCH, SIZE), 20)
        free = unroll(optimizer, objective, 2 * starts(BATCH, SIZE), 20)
    assert torch.equal(guarded.iterates, free.iterates)
    assert torch.equal(guarded.evaluations, free.evaluations)


def test_the_optimiser_sees_the_step_that_was_taken() -> None:
    x, objective = 2 * starts(BATCH, SIZE), Rosenbrock()
    for optimizer in (PSDSR1(), lsr1()):
        guard = Safeguarded(optimizer)
        with torch.no_grad():
            state = guard.init(x, objective.evaluate(x))
            after = guard.step(state, objective)
        assert bool(after.guarded.any())
        p = after.iterate - x
        q = after.evaluation.gradient - state.evaluation.gradient
        if isinstance(optimizer, LSR1):
            torch.testing.assert_close(after.inner.previous_step, p)
            torch.testing.assert_close(after.inner.gradient_change, q)
        else:
            curvature = after.inner.curvature
            updated = (curvature.vectors[:, -1] != 0).any(dim=1)
            met = curvature.matvec(q)
            torch.testing.assert_close(met[updated], p[updated])


def test_a_meta_gradient_flows_through_a_guarded_step() -> None:
    optimizer = lsr1()
    path = unroll(Safeguarded(optimizer), Rosenbrock(), 2 * starts(BATCH, SIZE), 4)
    path.values[-1].sum().backward()
    norms = [p.grad.norm() for p in optimizer.parameters() if p.grad is not None]
    assert norms
    assert all(bool(norm.isfinite()) for norm in norms)


def test_psd_sr1_keeps_its_secant_and_ends_on_quadratics() -> None:
    objective, x = quadratics(BATCH, SIZE, unit_norm=True), 2 * starts(BATCH, SIZE)
    with torch.no_grad():
        values = unroll(PSDSR1(buffer_size=8), objective, x, 40).values
        state = PSDSR1().init(x, objective.evaluate(x))
        for _ in range(3):
            before, state = state, PSDSR1().step(state, objective)
            B = state.curvature.dense()
            p = state.iterate - before.iterate
            q = state.evaluation.gradient - before.evaluation.gradient
            met = torch.einsum("bij,bj->bi", B, q)
            changed = (state.curvature.vectors != before.curvature.vectors).any(dim=(1, 2))
            torch.testing.assert_close(met[changed], p[changed])
            assert float(torch.linalg.eigvalsh(B).min()) > 0
    relative = (values[-1] - objective.minimum()) / (values[0] - objective.minimum())
    assert float(relative.median()) < 1e-6


class Sideways(GradientDescent):
    """Steps that descend a little, at nearly a right angle to the gradient."""

    def step(self, state: OptimizerState, objective: Objective) -> OptimizerState:
        g = state.evaluation.gradient
        across = torch.stack([-g[:, 1], g[:, 0]], dim=1)
        iterate = state.iterate + 100 * across - 1e-12 * g
        return OptimizerState(iterate, objective.evaluate(iterate), across, None)


def test_where_a_descending_step_leads_nowhere_the_gradient_does() -> None:
    objective = FunctionObjective(lambda x: (x * x * torch.tensor([1.0, 10.0])).sum(dim=1))
    x0 = torch.tensor([[1.0, 1.0], [-2.0, 0.3]])
    with torch.no_grad():
        path = unroll(Safeguarded(Sideways()), objective, x0, 60)
        alone = unroll(Safeguarded(Sideways()), objective, x0[:1], 60)
    assert bool((path.values.diff(dim=0) <= 0).all())
    assert bool((path.values[-1] < 1e-6 * path.values[0]).all())
    torch.testing.assert_close(path.iterates[:, :1], alone.iterates)
    # The step itself, a look along it, and one down the gradient: all are counted.
    assert (path.evaluations[1] >= 3).all()
