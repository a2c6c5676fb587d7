"""The secant penalty, measured from the states before and after a step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim import (
    LSR1,
    PSDSR1,
    BatchedOptimizer,
    GradientDescent,
    InMetric,
    Metric,
    Networks,
    Rate,
    Safeguarded,
    SecantPenalty,
    unroll,
)


def problem() -> tuple[Quadratic, Tensor]:
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(4, 3, 3, generator=generator, dtype=torch.float64)
    x = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    return Quadratic(A.mT @ A, torch.ones_like(x)), x


def learned(**options: Any) -> LSR1:
    torch.manual_seed(0)
    return LSR1(networks=Networks(8), rate=Rate(0.05), **options).double().eval()


def residuals(optimizer: BatchedOptimizer, **options: Any) -> Tensor:
    found = unroll(optimizer, *problem(), 4, penalty=SecantPenalty(**options)).secant_residuals
    assert found is not None
    return found


def test_a_guard_is_looked_through() -> None:
    # Steps this short need no guard: what is guarded walks the same way.
    optimizer = learned()
    torch.testing.assert_close(residuals(Safeguarded(optimizer)), residuals(optimizer))


def test_a_guarded_step_pays_for_the_pair_that_was_taken() -> None:
    torch.manual_seed(0)
    far = LSR1(networks=Networks(8), rate=Rate(50.0)).double().eval()
    guard, penalty = Safeguarded(far), SecantPenalty(pair="current")
    objective, x = problem()
    before = guard.init(x, objective.evaluate(x))
    after = guard.step(before, objective)
    assert after.guarded.any()
    p = after.iterate - before.iterate
    q = after.evaluation.gradient - before.evaluation.gradient
    expected = after.inner.curvature.secant_residual(p, q)
    torch.testing.assert_close(penalty.residual(before, after), expected)


def test_in_a_metric_the_residual_is_of_its_coordinates() -> None:
    optimizer = learned()
    root = torch.diag(torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64))
    objective, x = problem()
    inner = Quadratic(root @ objective.H @ root, objective.evaluate(x).gradient @ root)
    found = residuals(InMetric(optimizer, Metric(root, torch.linalg.inv(root))))
    path = unroll(optimizer, inner, torch.zeros_like(x), 4)
    torch.testing.assert_close(found, path.secant_residuals)


def test_the_mean_is_the_sum_over_the_variables_shared() -> None:
    torch.testing.assert_close(3 * residuals(learned(), norm="mean"), residuals(learned()))


def test_without_weight_it_is_measured_but_not_learned_from() -> None:
    with_weight, without = residuals(learned()), residuals(learned(), weight=0.0)
    assert with_weight.requires_grad
    assert not without.requires_grad
    torch.testing.assert_close(without, with_weight.detach())


def test_methods_that_make_b_of_the_pair_say_their_residual_and_others_have_none() -> None:
    objective, x = problem()
    assert residuals(PSDSR1(learning_rate=0.01)).shape == (4, 4)
    assert unroll(GradientDescent(0.01), objective, x, 2).secant_residuals is None


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(UserError, match="SecantPenalty weight is -1"):
        SecantPenalty(-1.0)
