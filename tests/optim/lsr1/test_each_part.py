"""Each part alone, against numbers by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation
from lsr1_pl.optim import (
    LSR1,
    AdamDiagonal,
    Base,
    FirstSecant,
    FreeVector,
    Identity,
    LastSecant,
    LowRankCurvature,
    LSR1State,
    Networks,
    PlainGradient,
    Polyak,
    Rate,
    Reads,
    RunningMean,
    SecantUnitVector,
    SR1Vector,
    Vector,
    Zero,
)

P = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
Q = torch.tensor([[6.0, 8.0], [0.5, 0.5]])
G = torch.tensor([[1.0, 2.0], [0.0, 4.0]])


def state(base: Base, steps_taken: int) -> LSR1State:
    """Two problems of two variables, with the pair (P, Q) and the gradient G."""
    x = torch.ones(2, 2)
    at = Evaluation(torch.tensor([5.0, 8.0]), G)
    first = LSR1(networks=Networks(2), base=base, gradient=RunningMean(0.5)).init(x, at)
    return replace(first, previous_step=P, gradient_change=Q, steps_taken=steps_taken)


@pytest.mark.parametrize(
    ("base", "steps", "expected"),
    [
        (Identity(), 0, [[1.0], [1.0]]),
        (Identity(), 3, [[1.0], [1.0]]),
        (Zero(), 0, [[0.0], [0.0]]),
        (Zero(), 3, [[0.0], [0.0]]),
        (LastSecant(), 0, [[1.0], [1.0]]),
        (LastSecant(), 3, [[0.5], [1.0]]),
        (FirstSecant(), 1, [[0.5], [1.0]]),
        (FirstSecant(), 3, [[1.0], [1.0]]),
        (Polyak(), 0, [[1.0], [0.5]]),
        (AdamDiagonal(0.9), 0, [[1.0, 0.5], [1e8, 0.25]]),
    ],
)
def test_b0(base: Base, steps: int, expected: list[list[float]]) -> None:
    found = base.at(state(base, steps)).scale
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-6)


def test_b0_of_adam_remembers_squares() -> None:
    base = AdamDiagonal(0.9)
    memory = base.at(state(base, 0)).memory
    assert memory is not None
    torch.testing.assert_close(memory, 0.1 * G.square())


def test_only_some_b0_have_a_unit() -> None:
    scale = torch.tensor([[4.0]])
    for silent in (Identity(), Zero(), LastSecant(), FirstSecant()):
        assert silent.unit(scale) is None
    for base in (Polyak(), AdamDiagonal()):
        torch.testing.assert_close(base.unit(scale), torch.tensor([[2.0]]))


def test_the_gradient_and_its_mean() -> None:
    at = state(Identity(), 0)
    assert torch.equal(PlainGradient().at(at).gradient, G)
    first = RunningMean(0.5).at(at)
    torch.testing.assert_close(first.gradient, G)
    second = RunningMean(0.5).at(replace(at, gradient_memory=first.memory, steps_taken=1))
    torch.testing.assert_close(second.gradient, G)
    torch.testing.assert_close(second.memory, 0.75 * G)


def vectors(output: Tensor, vector: Vector, steps_taken: int = 2) -> Tensor:
    return vector.of(output, state(Identity(), steps_taken), None)


def test_free_vectors_are_in_the_unit_of_b0() -> None:
    output = torch.ones(2, 2)
    assert torch.equal(vectors(output, FreeVector()), output)
    unit = torch.tensor([[2.0], [3.0]])
    assert torch.equal(FreeVector().of(output, state(Identity(), 2), unit), unit.expand(2, 2))


def test_vectors_in_the_unit_of_the_last_secant() -> None:
    output = torch.ones(2, 2)
    first = math.sqrt(5 / (10 * 2))
    second = math.sqrt(1 / (math.sqrt(0.5) * 2))
    expected = torch.tensor([[first], [second]]).expand(2, 2)
    torch.testing.assert_close(vectors(output, SecantUnitVector()), expected)
    start = vectors(output, SecantUnitVector(), steps_taken=0)
    torch.testing.assert_close(start, torch.full((2, 2), math.sqrt(0.5)))


def test_sr1s_vector_meets_its_secant_where_the_network_is_silent() -> None:
    at = state(Zero(), 2)
    v = SR1Vector().of(torch.zeros(2, 2), at, None)
    curvature: LowRankCurvature = at.curvature.push(v)
    torch.testing.assert_close(curvature.matvec(Q), P, rtol=1e-5, atol=1e-6)
    assert not SR1Vector().of(torch.zeros(2, 2), replace(at, steps_taken=0), None).any()


def test_rates() -> None:
    output = torch.tensor([[0.0, 1.0, 1e6]])
    torch.testing.assert_close(
        Rate(0.5, 2.0).of(output[:, :2]), torch.tensor([[0.5, 0.5 * math.exp(2)]])
    )
    assert Rate(0.5, 2.0, limit=1.0).of(output).max() <= 0.5 * math.exp(1) * 1.0001


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AdamDiagonal(1.0), "AdamDiagonal memory"),
        (lambda: RunningMean(0.0), "RunningMean memory"),
        (lambda: FreeVector(limit=0.0), "FreeVector limit"),
        (lambda: Rate(gamma1=-1.0), "Rate gamma1"),
        (lambda: Networks(norm_momentum=0.0), "Networks norm_momentum"),
        (lambda: Reads(("x", "gg")), "Reads inputs is 'gg'; .*did you mean 'g'"),
    ],
)
def test_a_part_checks_itself(make: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
