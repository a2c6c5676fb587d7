"""The transformer of rank-one updates: its steps computed by hand, and its meta-gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from meta_gradients import is_gradient_in_all_weights
from random_problems import quadratics, starts
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import RankOneTransformer, unroll

D = torch.float64


def small(**options: Any) -> RankOneTransformer:
    torch.manual_seed(0)
    made = RankOneTransformer(4, heads=2, layers=2, learning_rate=0.5, magnitude=0.3, **options)
    return made.to(D)


def normalised(tokens: Tensor, norm: nn.LayerNorm) -> Tensor:
    centred = tokens - tokens.mean(dim=1, keepdim=True)
    deviation = (centred.square().mean(dim=1, keepdim=True) + norm.eps).sqrt()
    return centred / deviation * norm.weight + norm.bias


def encoded(tokens: Tensor, layer: Any) -> Tensor:
    """One encoder of two heads on the tokens (N, 4) of one problem."""
    attention = layer.self_attn
    inputs = normalised(tokens, layer.norm1) @ attention.in_proj_weight.T + attention.in_proj_bias
    queries, keys, values = inputs.chunk(3, dim=1)
    heads = [
        (queries[:, h] @ keys[:, h].T / 2**0.5).softmax(dim=1) @ values[:, h]
        for h in (slice(0, 2), slice(2, 4))
    ]
    tokens = tokens + attention.out_proj(torch.cat(heads, dim=1))
    hidden = layer.linear1(normalised(tokens, layer.norm2)).clamp_min(0)
    return tokens + layer.linear2(hidden)


@pytest.mark.parametrize("training", [False, True])
def test_two_steps_are_those_computed_by_hand(training: bool) -> None:
    optimizer = small().train(training)
    problems, x0 = quadratics(2, 3), starts(2, 3)
    with torch.no_grad():
        state = optimizer.init(x0, problems.evaluate(x0))
        for row in range(2):
            B, now = torch.eye(3, dtype=D), state
            for _ in range(2):
                seen = optimizer.features(now)[0][row]
                tokens = optimizer.embedding(seen)
                for encoder, readout in zip(optimizer.encoders, optimizer.readouts, strict=True):
                    tokens = encoded(tokens, encoder)
                    u = tokens @ readout.weight[0] + readout.bias
                    B = B + torch.outer(u, u) / 3
                direction, magnitude = optimizer.network(seen).unbind(dim=1)
                step = B @ (direction * (0.3 * magnitude).exp())
                after = optimizer.step(now, problems)
                torch.testing.assert_close(after.preconditioner[row], B)
                torch.testing.assert_close(after.iterate[row], now.iterate[row] - 0.5 * step)
                now = after


def test_its_preconditioner_only_grows() -> None:
    optimizer, problems, x0 = small(), quadratics(4, 5), starts(4, 5)
    with torch.no_grad():
        before = optimizer.init(x0, problems.evaluate(x0))
        for _ in range(3):
            after = optimizer.step(before, problems)
            growth = torch.linalg.eigvalsh(after.preconditioner - before.preconditioner)
            # Two vectors of five variables: two directions grow, and three are left alone.
            assert bool((growth > -1e-12).all())
            assert bool((growth[:, :3].abs() < 1e-12).all())
            assert bool((growth[:, -1] > 1e-6).all())
            before = after


def test_it_does_not_know_the_order_of_variables() -> None:
    optimizer, problems, x0 = small(), quadratics(2, 4), starts(2, 4)
    order = [2, 0, 3, 1]
    other = type(problems)(problems.H[:, order][:, :, order], problems.b[:, order])
    with torch.no_grad():
        path = unroll(optimizer, problems, x0, 4).iterates
        turned = unroll(optimizer, other, x0[:, order], 4).iterates
    torch.testing.assert_close(turned, path[:, :, order])


def test_its_meta_gradient_is_that_of_differences() -> None:
    assert is_gradient_in_all_weights(small(decays=(0.5,)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 6, "heads": 4}, "heads must divide width"),
        ({"layers": 0}, "layers"),
        ({"decays": []}, "decays is empty"),
        ({"learning_rate": -1.0}, "learning_rate"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RankOneTransformer(**options)
