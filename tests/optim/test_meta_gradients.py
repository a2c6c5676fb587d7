"""The meta-gradient of a problem is its own: it does not depend on the batch around it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from lsr1_pl.objectives import FunctionObjective
from lsr1_pl.optim import LSR1, BatchedOptimizer, PairLSR1, Safeguarded, unroll

D = torch.float64


def function(x: Tensor) -> Tensor:
    """Bowls, and far away slopes on which first trials are cut."""
    far = torch.sqrt(1 + (x - 200) ** 2).sum(1)
    near = (x**4).sum(1) + (x**2).sum(1)
    return torch.where(x[:, 0] > 100, far, near)


def pair_lsr1() -> PairLSR1:
    torch.manual_seed(0)
    optimizer = PairLSR1(4).to(D)
    torch.nn.init.normal_(optimizer.output.weight, std=0.1)
    return optimizer.eval()


def guarded_lsr1() -> Safeguarded:
    torch.manual_seed(0)
    return Safeguarded(LSR1(hidden_dim=8, buffer_size=3).to(D).eval())


def meta_gradient(optimizer: BatchedOptimizer, x0: Tensor) -> Tensor:
    """Of the first problem's last value, in all weights."""
    module = optimizer.optimizer if isinstance(optimizer, Safeguarded) else optimizer
    assert isinstance(module, torch.nn.Module)
    module.zero_grad()
    unroll(optimizer, FunctionObjective(function), x0, 3).values[-1][0].backward()
    weights = list(module.parameters())
    return torch.cat(
        [(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for w in weights]
    )


# Powers of numbers closer to zero underflow.
COORDINATES = st.floats(-3, 3).filter(lambda value: value == 0 or abs(value) > 1e-50)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    own=st.lists(COORDINATES, min_size=2, max_size=2),
    others=st.lists(
        st.lists(st.sampled_from([230.0, 160.0, 1.0, -2.0, 0.0, 1e3, 4.0]), min_size=2, max_size=2),
        min_size=1,
        max_size=4,
    ),
)
# One coordinate never moves: what the pairs do not know of the gradient is its rounding.
@example(own=[0.0, 2.087890625], others=[[230.0, 230.0]])
@pytest.mark.parametrize("make", [pair_lsr1, guarded_lsr1])
def test_a_meta_gradient_does_not_depend_on_neighbours(
    make: type, own: list[float], others: list[list[float]]
) -> None:
    optimizer = make()
    alone = meta_gradient(optimizer, torch.tensor([own], dtype=D))
    beside = meta_gradient(optimizer, torch.tensor([own, *others], dtype=D))
    size = float(alone.abs().max())
    guarded = isinstance(optimizer, Safeguarded)
    assert size > 0 or guarded or not any(own)
    torch.testing.assert_close(beside, alone, rtol=1e-7, atol=1e-9 * (1 + size))


def test_the_first_trial_gets_its_gradient() -> None:
    optimizer = PairLSR1(4).to(D).eval()
    x0 = torch.tensor([[0.1, 0.2], [230.0, 160.0]], dtype=D)
    path = unroll(optimizer, FunctionObjective(function), x0, 1)
    assert path.guarded is not None
    assert path.guarded.tolist() == [[False, True]]
    optimizer.zero_grad()
    path.values[-1][0].backward()
    found = float(optimizer.output.bias.grad[2])
    with torch.no_grad():
        ends = []
        for h in (1e-6, -1e-6):
            optimizer.output.bias[2] += h
            ends.append(unroll(optimizer, FunctionObjective(function), x0, 1).values[-1][0])
            optimizer.output.bias[2] -= h
    assert found == pytest.approx(float(ends[0] - ends[1]) / 2e-6, rel=1e-5)
