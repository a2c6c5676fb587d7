"""Functions for tests of generality: their minimisers, values computed by hand, their gradients."""

from __future__ import annotations

import math

import pytest
import torch

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import (
    Ackley,
    DixonPrice,
    Levy,
    LogisticRegression,
    Powell,
    StyblinskiTang,
    TanhLeastSquares,
    Zakharov,
)

SIX = (Ackley(), Levy(), DixonPrice(), Zakharov(), StyblinskiTang(), Powell())


@pytest.mark.parametrize("function", SIX, ids=lambda f: type(f).__name__)
def test_the_minimiser_has_the_least_value(function: Ackley) -> None:
    generator = torch.Generator().manual_seed(0)
    x = function.radius * (2 * torch.rand(2000, 8, dtype=torch.float64, generator=generator) - 1)
    best = function.minimizer(x[:1])
    with torch.no_grad():
        at_best = function.evaluate(best)
    assert float(at_best.value) == pytest.approx(0, abs=1e-9)
    assert float(function.value(x).min()) > 0
    near = best + 1e-3 * torch.randn(500, 8, dtype=torch.float64, generator=generator)
    assert float(function.value(near).min()) >= 0
    if not isinstance(function, Ackley):  # whose minimum is a cusp
        assert float(at_best.gradient.abs().max()) < 1e-6


def test_values_by_hand() -> None:
    x = torch.tensor([[1.0, 2.0, 0.0, 1.0]], dtype=torch.float64)
    assert float(Powell().value(x)) == pytest.approx(21**2 + 5 + 16 + 0)
    s = 0.5 * (1 + 4 + 0 + 4)
    assert float(Zakharov().value(x)) == pytest.approx(6 + s**2 + s**4)
    assert float(DixonPrice().value(x)) == pytest.approx(0 + 2 * 49 + 3 * 4 + 4 * 4)
    expected = sum(0.5 * (v**4 - 16 * v**2 + 5 * v) for v in (1, 2, 0, 1)) + 4 * 39.166165703771
    assert float(StyblinskiTang().value(x)) == pytest.approx(expected)
    assert float(Ackley().value(x)) == pytest.approx(
        20 + math.e - 20 * math.exp(-0.2 * math.sqrt(1.5)) - math.e
    )
    assert float(Levy().value(torch.full((1, 3), 5.0).double())) == pytest.approx(
        2 * (1 + 10 * math.sin(2 * math.pi + 1) ** 2) + 1
    )


def test_regressions_by_hand() -> None:
    features = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    x = torch.tensor([[1.0, 0.5]])
    logistic = LogisticRegression(features, torch.tensor([[1.0, -1.0]]), penalty=0.1)
    expected = (math.log1p(math.exp(-1)) + math.log1p(math.exp(1))) / 2 + 0.1 * 1.25
    assert float(logistic.value(x)) == pytest.approx(expected)
    squares = TanhLeastSquares(features, torch.tensor([[0.0, 1.0]]))
    expected = (math.tanh(1) ** 2 + (math.tanh(1) - 1) ** 2) / 2
    assert float(squares.value(x)) == pytest.approx(expected)


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(UserError, match="multiple of 4"):
        Powell().value(torch.zeros(1, 6))
    for kind in (LogisticRegression, TanhLeastSquares):
        with pytest.raises(UserError, match=r"expected \(B, M, N\)"):
            kind(torch.zeros(2, 3, 4), torch.zeros(2, 4))
