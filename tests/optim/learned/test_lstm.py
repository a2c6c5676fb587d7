"""The coordinatewise LSTM: its steps computed by hand, and its meta-gradient."""

from __future__ import annotations

import math

import pytest
import torch
from meta_gradients import is_gradient_in_all_weights
from random_problems import quadratics, starts
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import CoordinatewiseLSTM, unroll
from lsr1_pl.optim.learned.lstm import preprocessed

D = torch.float64


def by_hand(optimizer: CoordinatewiseLSTM, gradient: float, memory: list[list[Tensor]]) -> float:
    """One variable's output; ``memory``, a pair (hidden, cell) a layer, moves on in place."""
    p = optimizer.preprocessing
    if abs(gradient) >= math.exp(-p):
        signal = torch.tensor([math.log(abs(gradient)) / p, math.copysign(1, gradient)], dtype=D)
    else:
        signal = torch.tensor([-1.0, math.exp(p) * gradient], dtype=D)
    for unit, kept in zip(optimizer.cells, memory, strict=True):
        gates = unit.weight_ih @ signal + unit.bias_ih + unit.weight_hh @ kept[0] + unit.bias_hh
        enter, forget, candidate, leave = gates.chunk(4)
        kept[1] = forget.sigmoid() * kept[1] + enter.sigmoid() * candidate.tanh()
        signal = kept[0] = leave.sigmoid() * kept[1].tanh()
    return float(optimizer.output.weight @ signal + optimizer.output.bias)


def test_two_steps_are_those_computed_by_hand() -> None:
    torch.manual_seed(0)
    optimizer = CoordinatewiseLSTM(hidden_dim=3, preprocessing=2.0, learning_rate=0.5).to(D)
    problems, x0 = quadratics(2, 3), starts(2, 3)
    with torch.no_grad():
        path = unroll(optimizer, problems, x0, 2)
        for row in range(2):
            memories = [[[torch.zeros(3).to(D)] * 2 for _ in range(2)] for _ in range(3)]
            x = x0[row].clone()
            for step in range(2):
                gradient = problems.H[row] @ x + problems.b[row]
                outputs = [
                    by_hand(optimizer, float(g), memory)
                    for g, memory in zip(gradient, memories, strict=True)
                ]
                x = x + 0.5 * torch.tensor(outputs, dtype=D)
                torch.testing.assert_close(path.iterates[step + 1, row], x)


def test_gradients_enter_as_logarithm_and_sign() -> None:
    gradient = torch.tensor([[math.e, -math.exp(-4), math.exp(-6), 0.0, math.nan]], dtype=D)
    expected = torch.tensor(
        [[0.2, 1.0], [-0.8, -1.0], [-1.0, math.exp(-1)], [-1.0, 0.0], [-1.0, math.nan]], dtype=D
    )
    torch.testing.assert_close(preprocessed(gradient, 5.0)[0], expected, equal_nan=True)


def test_its_meta_gradient_is_that_of_differences() -> None:
    torch.manual_seed(0)
    optimizer = CoordinatewiseLSTM(hidden_dim=2).to(D)
    assert is_gradient_in_all_weights(optimizer)


@pytest.mark.parametrize("p", [0.0, -1.0, 81.0, math.nan])
def test_a_preprocessing_out_of_range_is_refused(p: float) -> None:
    with pytest.raises(UserError, match="preprocessing"):
        CoordinatewiseLSTM(preprocessing=p)
