"""Activations made again in the backward pass change no result, and are not kept."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from random_problems import quadratics
from torch import Tensor

from lsr1_pl.ground.types import Objective
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.optim import LSR1, InMetric, Metric, unroll

STEPS = 4


def pair(**options: object) -> tuple[LSR1, LSR1]:
    """The same networks without and with it."""
    torch.manual_seed(0)
    plain = LSR1(hidden_dim=8, buffer_size=2, **options).double()  # type: ignore[arg-type]
    again = LSR1(hidden_dim=8, buffer_size=2, recompute=True, **options).double()  # type: ignore[arg-type]
    again.load_state_dict(plain.state_dict())
    return plain, again


def train(optimizer: LSR1, objective: Objective, x0: Tensor, second_order: bool = True) -> Tensor:
    torch.manual_seed(1)
    path = unroll(
        optimizer,
        objective,
        x0,
        STEPS,
        second_order=second_order,
        clip_sample_gradient=1.0,
        divergence_limit=10.0,
    )
    assert path.secant_residuals is not None
    loss = path.values.mean() + path.secant_residuals.mean()
    loss.backward()
    return loss.detach()


@pytest.mark.parametrize("second_order", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradients_and_statistics_are_the_plain_ones(second_order: bool, dropout: float) -> None:
    plain, again = pair(dropout=dropout)
    torch.manual_seed(2)
    for objective in (quadratics(5, 3), Rosenbrock()):
        x0 = torch.randn(5, 3, dtype=torch.float64)
        losses = [train(each, objective, x0, second_order) for each in (plain, again)]
        torch.testing.assert_close(losses[1], losses[0], rtol=1e-12, atol=0)
        for ours, theirs in zip(again.parameters(), plain.parameters(), strict=True):
            assert ours.grad is not None
            assert theirs.grad is not None
            scale = float(theirs.grad.abs().max())
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-12 * scale)
        for name, buffer in plain.named_buffers():
            torch.testing.assert_close(dict(again.named_buffers())[name], buffer, rtol=0, atol=0)
    counts = [b for name, b in again.named_buffers() if name.endswith("num_batches_tracked")]
    assert counts
    assert all(int(count) == 2 * STEPS for count in counts)


def test_norms_that_are_frozen_stay_so() -> None:
    plain, again = pair()
    x0, objective = torch.randn(5, 3, dtype=torch.float64), quadratics(5, 3)
    for optimizer in (plain, again):
        optimizer.eval()
        train(optimizer, objective, x0)
    for ours, theirs in zip(again.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-12)


def test_a_gradient_can_be_differentiated_again() -> None:
    found = []
    for optimizer in pair():
        x0 = torch.full((2, 3), 0.5, dtype=torch.float64, requires_grad=True)
        values = unroll(optimizer, Rosenbrock(), x0, 2).values
        (slope,) = torch.autograd.grad(values.sum(), x0, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), x0)[0])
    torch.testing.assert_close(found[1], found[0], rtol=1e-10, atol=0)


# torch.compile itself looks at .grad of every tensor that it is given.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_it_goes_with_a_metric_and_with_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    x0, objective = torch.randn(5, 3, dtype=torch.float64), quadratics(5, 3)
    eye = torch.eye(3, dtype=torch.float64)
    plain, again = pair()
    compiled = LSR1(hidden_dim=8, buffer_size=2, recompute=True, compiled=True).double()
    compiled.load_state_dict(plain.state_dict())
    losses = [
        train(InMetric(each, Metric(eye, eye)), objective, x0)  # type: ignore[arg-type]
        for each in (plain, again, compiled)
    ]
    for other in (again, compiled):
        for ours, theirs in zip(other.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-10)
        for ours, theirs in zip(other.buffers(), plain.buffers(), strict=True):
            torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(losses[1:], [losses[0]] * 2, rtol=1e-10, atol=0)


def test_activations_are_not_kept() -> None:
    kept = []
    for optimizer in pair():
        numbers = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, numbers=numbers: (numbers.append(t.numel()), t)[1], lambda t: t
        ):
            unroll(optimizer, quadratics(5, 3), torch.randn(5, 3, dtype=torch.float64), STEPS)
        kept.append(sum(numbers))
    assert kept[1] < 0.1 * kept[0]
