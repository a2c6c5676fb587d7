"""The unroll: shapes, modes and its guards."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import FunctionObjective, Quadratic, Rosenbrock
from lsr1_pl.optim import (
    LSR1,
    Adam,
    BatchedOptimizer,
    GradientDescent,
    PairLSR1,
    Safeguarded,
    minimize_batch,
    unroll,
)


def steep_and_flat() -> Quadratic:
    """Two problems of two variables: curvature 100 (diverges at rate 0.4) and 1 (converges)."""
    H = torch.eye(2).repeat(2, 1, 1) * torch.tensor([100.0, 1.0]).view(2, 1, 1)
    return Quadratic(H, torch.zeros(2, 2))


@pytest.mark.parametrize(
    ("optimizer", "has_b"),
    [(LSR1(hidden_dim=4), True), (GradientDescent(0.1), False), (Adam(0.1), False)],
)
def test_trajectory_shapes(optimizer: BatchedOptimizer, has_b: bool) -> None:
    x0 = torch.randn(2, 2)
    for steps in (0, 3):
        trajectory = unroll(optimizer, steep_and_flat(), x0, steps)
        assert trajectory.iterates.shape == (steps + 1, 2, 2)
        assert trajectory.values.shape == (steps + 1, 2)
        assert trajectory.directions.shape == (steps, 2, 2)
        assert (trajectory.secant_residuals is not None) == has_b
        if trajectory.secant_residuals is not None:
            assert trajectory.secant_residuals.shape == (steps, 2)
        torch.testing.assert_close(trajectory.iterates[0], x0)


def test_works_under_no_grad_on_an_autograd_objective() -> None:
    objective = FunctionObjective(lambda x: x.square().sum(dim=1))
    with torch.no_grad():
        trajectory = unroll(GradientDescent(0.25), objective, torch.ones(1, 3), 2)
    torch.testing.assert_close(trajectory.iterates[2], torch.full((1, 3), 0.25))
    assert not trajectory.iterates.requires_grad


def test_divergence_limit_holds_the_problem_and_spares_the_others() -> None:
    x0 = torch.ones(2, 2)
    free = unroll(GradientDescent(0.4), steep_and_flat(), x0, 40)
    held = unroll(GradientDescent(0.4), steep_and_flat(), x0, 40, divergence_limit=2.0)
    assert not torch.isfinite(free.values[-1, 0])
    limit = free.values[0, 0] + 2.0 * (1 + free.values[0, 0].abs())
    crossed = int((free.values[:, 0] > limit).nonzero()[0])
    torch.testing.assert_close(held.values[: crossed + 1, 0], free.values[: crossed + 1, 0])
    assert (held.iterates[crossed:, 0] == held.iterates[crossed, 0]).all()
    torch.testing.assert_close(held.values[:, 1], free.values[:, 1])
    # The steps that it held are on record.
    assert free.guarded is None
    assert held.guarded is not None
    assert held.guarded[:, 0].tolist() == [k >= crossed for k in range(40)]
    assert not held.guarded[:, 1].any()


def test_divergence_limit_keeps_the_meta_gradient_finite_and_pointing_down() -> None:
    rate = torch.tensor(0.4, requires_grad=True)

    class LearnedRate(GradientDescent):
        def __init__(self) -> None:
            self.learning_rate = rate  # type: ignore[assignment]

    trajectory = unroll(LearnedRate(), steep_and_flat(), torch.ones(2, 2), 60, divergence_limit=2.0)
    trajectory.values.mean().backward()
    assert rate.grad is not None
    assert math.isfinite(rate.grad.item())
    # A larger rate diverges faster, so the loss asks for a smaller one.
    assert rate.grad.item() > 0


def test_sample_gradient_is_clipped_problem_by_problem() -> None:
    scale = torch.ones(2, 1, requires_grad=True)
    seen: list[Tensor] = []

    class Scaled(GradientDescent):
        def step(self, state, objective):  # type: ignore[no-untyped-def]
            following = super().step(state, objective)
            if following.iterate.requires_grad:
                following.iterate.register_hook(lambda g: seen.append(g))
            return following

    x0 = torch.tensor([[1.0, 1.0], [1e-4, 0.0]]) * scale
    trajectory = unroll(
        Scaled(0.1), FunctionObjective(lambda x: x.pow(4).sum(1)), x0, 1, clip_sample_gradient=1.0
    )
    trajectory.values[1].sum().backward()
    norms = scale.grad
    assert norms is not None
    assert torch.isfinite(norms).all()
    assert norms[0].abs() < 0.5 * math.sqrt(2)


@pytest.mark.parametrize(("x0", "steps"), [(torch.ones(3), 1), (torch.ones(1, 3), -1)])
def test_bad_calls_are_named(x0: Tensor, steps: int) -> None:
    with pytest.raises(UserError, match=r"x0|steps"):
        unroll(GradientDescent(0.1), FunctionObjective(lambda x: x.sum(1)), x0, steps)


@pytest.mark.parametrize("run", [unroll, minimize_batch])
def test_an_objective_of_a_wider_precision_than_its_start_is_named(run: Callable[..., Any]) -> None:
    wide, narrow = torch.ones(2, 3).double(), torch.ones(2, 3)
    with pytest.raises(UserError, match=r"x0 is of torch\.float32 .* give x0.to\(torch\.float64\)"):
        run(Adam(0.1), FunctionObjective(lambda x: (x * wide).square().sum(1)), narrow, 2)
    run(Adam(0.1), FunctionObjective(lambda x: (x * narrow).square().sum(1)), wide, 2)


def test_truncated_backpropagation_cuts_the_chain_alone() -> None:
    objective = Rosenbrock()
    x0 = torch.tensor([[0.3, -0.2, 0.5]], dtype=torch.float64, requires_grad=True)
    whole = unroll(GradientDescent(1e-3), objective, x0, 6)
    cut = unroll(GradientDescent(1e-3), objective, x0, 6, truncate_every=2)
    assert torch.equal(whole.iterates, cut.iterates)
    for step in (1, 2):
        for path in (whole, cut):
            (gradient,) = torch.autograd.grad(path.values[step].sum(), x0, retain_graph=True)
            assert bool((gradient != 0).any())
    (reached,) = torch.autograd.grad(cut.values[3:].sum(), x0, allow_unused=True, retain_graph=True)
    assert reached is None or not bool((reached != 0).any())
    torch.manual_seed(0)
    learned = LSR1(hidden_dim=4, gamma1=1e-3).double().eval()
    unroll(learned, objective, x0.detach(), 6, truncate_every=2).values[-1].sum().backward()
    norms = [p.grad.norm() for p in learned.parameters() if p.grad is not None]
    assert any(bool(norm > 0) for norm in norms)
    with pytest.raises(UserError, match="truncate_every is 0"):
        unroll(learned, objective, x0, 2, truncate_every=0)


@pytest.mark.parametrize(
    "optimizer", [Safeguarded(GradientDescent(0.4)), PairLSR1().eval()], ids=["guard", "pairs"]
)
def test_the_steps_that_a_safeguard_changed_are_on_record(optimizer: BatchedOptimizer) -> None:
    with torch.no_grad():
        easy = unroll(optimizer, steep_and_flat(), torch.ones(2, 2), 3)
        hard = unroll(optimizer, Rosenbrock(), 3 * torch.randn(8, 4), 10)
    assert easy.guarded is not None
    assert hard.guarded is not None
    assert hard.guarded.shape == (10, 8)
    assert hard.guarded.any()
    # Curvature 1: a whole step of either is a good one.
    assert not easy.guarded[:, 1].any()
