"""The network on gradients and momenta: its steps computed by hand, and its meta-gradient."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from meta_gradients import is_gradient_in_all_weights
from random_problems import quadratics, starts

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import MomentumMLP, unroll

D = torch.float64
# Exact in single precision, in which modules are made.
DECAYS = (0.5, 0.75)


def test_two_steps_are_those_computed_by_hand() -> None:
    torch.manual_seed(0)
    optimizer = MomentumMLP(
        4, DECAYS, second_decay=0.25, learning_rate=0.5, magnitude=0.3, epsilon=0.01
    ).to(D)
    problems, x0 = quadratics(2, 3), starts(2, 3)
    first, _, second, _, last = optimizer.network
    with torch.no_grad():
        path = unroll(optimizer, problems, x0, 2)
        for row in range(2):
            x, momenta, square = x0[row], [torch.zeros(3, dtype=D)] * 2, torch.zeros(3, dtype=D)
            for step in range(2):
                gradient = problems.H[row] @ x + problems.b[row]
                momenta = [
                    decay * mean + (1 - decay) * gradient
                    for decay, mean in zip(DECAYS, momenta, strict=True)
                ]
                square = 0.25 * square + 0.75 * gradient**2
                root = (square + 0.01).sqrt()
                read = [x, gradient, 1 / root, gradient / root, *momenta]
                read = [each / ((each**2).mean() + 0.01).sqrt() for each in read]
                time = [math.tanh(step / t - 1) for t in (1, 3, 10, 30, 100, 300, 1000)]
                moves = []
                for variable in range(3):
                    seen = torch.tensor([*(float(each[variable]) for each in read), *time]).to(D)
                    seen = (first.weight @ seen + first.bias).clamp_min(0)
                    seen = (second.weight @ seen + second.bias).clamp_min(0)
                    direction, magnitude = (last.weight @ seen + last.bias).tolist()
                    moves.append(0.5 * direction * math.exp(0.3 * magnitude))
                x = x - torch.tensor(moves, dtype=D)
                torch.testing.assert_close(path.iterates[step + 1, row], x, rtol=1e-6, atol=1e-7)


def test_its_meta_gradient_is_that_of_differences() -> None:
    torch.manual_seed(0)
    optimizer = MomentumMLP(3, DECAYS, learning_rate=0.1, magnitude=1.0).to(D)
    assert is_gradient_in_all_weights(optimizer)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decays": ()}, "decays is empty"),
        ({"decays": (0.5, 1.0)}, "decays is 1.0"),
        ({"second_decay": -0.1}, "second_decay"),
        ({"width": 0}, "width"),
        ({"magnitude": 0.0}, "magnitude"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        MomentumMLP(**options)
