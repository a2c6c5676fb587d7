"""Keywords that L-SR1 takes beside its parts stand for parts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import (
    LSR1,
    AdamDiagonal,
    Embedding,
    FirstSecant,
    FreeVector,
    Identity,
    LastSecant,
    PlainGradient,
    Polyak,
    Rate,
    RunningMean,
    SecantUnitVector,
    SR1Vector,
    Zero,
)


@pytest.mark.parametrize(
    ("former", "part", "expected"),
    [
        ({"initial_curvature": "identity"}, "base", Identity()),
        ({"initial_curvature": "none"}, "base", Zero()),
        ({"initial_curvature": "scaled"}, "base", LastSecant()),
        ({"initial_curvature": "first"}, "base", FirstSecant()),
        ({"initial_curvature": "polyak"}, "base", Polyak()),
        ({"initial_curvature": "rms"}, "base", AdamDiagonal()),
        ({"gradient_memory": 0.0}, "gradient", PlainGradient()),
        ({"gradient_memory": 0.25}, "gradient", RunningMean(0.25)),
        ({"vector": "sr1", "vector_scale": "secant"}, "vector", SR1Vector()),
        ({"vector_scale": "secant", "output_limit": 2.0}, "vector", SecantUnitVector(0.1, 2.0)),
        ({"vector_scale": "secant", "initial_curvature": "rms"}, "vector", FreeVector()),
        ({"vector": "free", "vector_init_scale": 0.5}, "vector", FreeVector(0.5)),
        ({"output_limit": 2.0, "gamma1": 0.1, "gamma2": 3.0}, "rate", Rate(0.1, 3.0, 2.0)),
    ],
)
def test_a_keyword_makes_its_part(former: dict[str, Any], part: str, expected: object) -> None:
    assert getattr(LSR1(hidden_dim=4, **former), part) == expected


def test_keywords_of_the_networks_of_what_they_read_and_of_how_they_run() -> None:
    learned = LSR1(
        hidden_dim=6,
        dropout=0.25,
        residual=False,
        norm_momentum=0.02,
        inputs=("x", "r"),
        input_normalization="rms",
        problem_inputs=True,
        secant_inputs=True,
        embedding=2,
        variables=5,
        detach_inputs=True,
        recompute=True,
    )
    reads = learned.encoder_inputs.reads
    assert (reads.inputs, reads.normalization) == (("x", "r"), "rms")
    assert (reads.problem_numbers, reads.secant_numbers, reads.detached) == (True, True, True)
    assert reads.embedding == Embedding(2, 5)
    assert learned.runner.recompute
    assert learned.encoder.output.weight.shape == (6, 6)
    block = learned.encoder.layers[4]
    assert (block.skip, block.layers[3].p, block.layers[1].momentum) == (False, 0.25, 0.02)


def test_by_position() -> None:
    learned = LSR1(8, 2, 0.1)
    assert learned.encoder.output.out_features == 8
    assert (learned.buffer_size, learned.rate.gamma1) == (2, 0.1)


def test_parts_and_keywords_give_the_same_weights_from_the_same_seed() -> None:
    found = []
    for options in ({"vector_init_scale": 0.5}, {"vector": FreeVector(0.5)}):
        torch.manual_seed(0)
        found.append(LSR1(**options).state_dict())
    for name, tensor in found[0].items():
        assert torch.equal(tensor, found[1][name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initial_curvature": "rsm"}, "LSR1 initial_curvature is 'rsm'; .*did you mean 'rms'"),
        ({"vector_scale": "bogus"}, "LSR1 vector_scale is 'bogus'"),
        ({"vector": "bogus"}, "LSR1 vector is 'bogus'"),
        ({"input_normalization": "bogus"}, "Reads normalization is 'bogus'"),
        ({"gamma1": 0.1, "rate": Rate()}, "LSR1 got rate and also gamma1"),
        ({"secant_pair": "bogus"}, "LSR1 secant_pair is 'bogus'"),
        ({"secant_pair": "current"}, r"penalty=SecantPenalty\(pair='current'\)"),
        ({"secant_relative": True}, r"penalty=SecantPenalty\(norm='relative'\)"),
    ],
)
def test_what_stands_for_no_part_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        LSR1(hidden_dim=4, **options)
    assert LSR1(hidden_dim=4, secant_pair="previous", secant_detach=True).buffer_size == 8
