"""The authors' published algorithm, held against a dense transcription of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from official_transcription import (
    PlainNetworks,
    PlainOptimizer,
    furthest,
    gradient_of,
    transcribe,
)
from torch import Tensor

from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim import (
    LSR1,
    FreeVector,
    Identity,
    IdentityUntilFull,
    Networks,
    NormKeepingProduct,
    PlainProduct,
    Rate,
    Reads,
    SecantPenalty,
    Zero,
    unroll,
)

L, STEPS, PROBLEMS, SIZE = 4, 20, 3, 6
WIDTH, LATENT = 8, 5
GAMMA1, GAMMA2, MOST = 0.1, 3.0, 0.25
NETWORKS = Networks(WIDTH, latent_width=LATENT, skip=False, second_prelu=True)
PENALTY = SecantPenalty(1.0, pair="older", norm="mean")


def official(**changed: Any) -> LSR1:
    torch.manual_seed(0)
    parts: dict[str, Any] = {
        "networks": NETWORKS,
        "base": IdentityUntilFull(),
        "product": NormKeepingProduct(),
        "reads": Reads(inputs=("x", "p", "s", "g", "q"), detached=True),
        "vector": FreeVector(initial_scale=1.0),
        "rate": Rate(GAMMA1, GAMMA2, most=MOST),
        "buffer_size": L,
    }
    learned = LSR1(**{**parts, **changed}).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in learned.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return learned


def problems() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    A = torch.randn(PROBLEMS, SIZE, SIZE, generator=generator, dtype=torch.float64)
    H = A.mT @ A
    b = torch.randn(PROBLEMS, SIZE, generator=generator, dtype=torch.float64)
    x = torch.randn(PROBLEMS, SIZE, generator=generator, dtype=torch.float64)
    return H / torch.linalg.matrix_norm(H, keepdim=True), b, x


def ours(learned: LSR1, penalty: SecantPenalty = PENALTY, **options: Any) -> list[Tensor]:
    H, b, x = problems()
    options = {"second_order": False, **options}
    path = unroll(learned.train(), Quadratic(H, b), x, STEPS, penalty=penalty, **options)
    assert path.secant_residuals is not None
    loss = path.values[1:].mean() + penalty.weight * path.secant_residuals.mean()
    gradient = gradient_of(loss, list(learned.parameters()))
    return [path.values, path.directions, path.secant_residuals, gradient]


def transcribed() -> list[Tensor]:
    learned = official()
    H, b, x = problems()
    plain = PlainOptimizer(PlainNetworks(learned), L, GAMMA1, GAMMA2, MOST)
    told = transcribe([plain], [SIZE], lambda x: (H @ x.unsqueeze(2)).squeeze(2) + b, x, STEPS)
    y = told.iterates
    values = 0.5 * torch.einsum("kbi,bij,kbj->kb", y, H, y) + (y * b).sum(dim=2)
    residuals = told.residuals[:, 0]
    loss = values[1:].mean() + PENALTY.weight * residuals.mean()
    gradient = gradient_of(loss, list(learned.parameters()))
    return [values, told.directions, residuals, gradient]


def test_values_directions_penalty_and_meta_gradient_are_those_of_the_transcription() -> None:
    expected = transcribed()
    assert all(bool(part.isfinite().all()) for part in expected)
    assert float(expected[3].abs().max()) > 1e-3, "there is nothing to compare"
    assert furthest(ours(official()), expected) < 1e-10


def test_the_clamp_of_the_rate_was_at_work() -> None:
    H, b, x = problems()
    free = unroll(official(rate=Rate(GAMMA1, GAMMA2)).train(), Quadratic(H, b), x, STEPS)
    bounded = unroll(official().train(), Quadratic(H, b), x, STEPS)
    assert not torch.allclose(free.values, bounded.values)


@pytest.mark.parametrize(
    "changed",
    [
        {"networks": replace(NETWORKS, skip=True)},
        {"networks": replace(NETWORKS, second_prelu=False)},
        {"networks": replace(NETWORKS, latent_width=None)},
        {"networks": replace(NETWORKS, dropout=0.2)},
        {"base": Identity()},
        {"base": Zero()},
        {"product": PlainProduct()},
        {"reads": Reads(inputs=("x", "p", "d", "g", "q"), detached=True)},
        {"reads": Reads(inputs=("x", "p", "s", "g", "q"), detached=False)},
        {"vector": FreeVector(initial_scale=0.1)},
        {"rate": Rate(GAMMA1, GAMMA2)},
        {"buffer_size": 3},
    ],
    ids=str,
)
def test_another_part_is_another_algorithm(changed: dict[str, Any]) -> None:
    assert furthest(ours(official(**changed)), transcribed()) > 1e-6


@pytest.mark.parametrize(
    "penalty",
    [
        replace(PENALTY, pair="previous"),
        replace(PENALTY, pair="current"),
        replace(PENALTY, norm="sum"),
    ],
)
def test_another_penalty_is_another_algorithm(penalty: SecantPenalty) -> None:
    assert furthest(ours(official(), penalty), transcribed()) > 1e-6


@pytest.mark.parametrize("options", [{"second_order": True}, {"detach_iterates": True}])
def test_another_way_of_the_meta_gradient_is_another_algorithm(options: dict[str, bool]) -> None:
    assert furthest(ours(official(), **options), transcribed()) > 1e-6


def test_an_optimiser_has_as_many_parameters_as_the_published_one() -> None:
    learned = LSR1(networks=Networks(256, latent_width=128, skip=False, second_prelu=True))
    parts = (learned.encoder, learned.vector_generator, learned.learning_rate_generator)
    assert [sum(p.numel() for p in part.parameters()) for part in parts] == [
        300_163,
        299_012,
        299_012,
    ]


def test_the_first_step_of_a_silent_network_is_gradient_descent() -> None:
    learned = official().eval()
    with torch.no_grad():
        for generator in (learned.vector_generator, learned.learning_rate_generator):
            generator.output.weight.zero_()
            generator.output.bias.zero_()
    H, b, x = problems()
    path = unroll(learned, Quadratic(H, b), x, 1)
    torch.testing.assert_close(path.iterates[1], x - GAMMA1 * Quadratic(H, b).evaluate(x).gradient)


def test_the_product_of_nothing_is_nothing() -> None:
    y = torch.zeros(2, 3, requires_grad=True)
    out = NormKeepingProduct()(y, y * 2)
    out.sum().backward()
    assert bool((out == 0).all())
    assert y.grad is not None
    assert bool(y.grad.isfinite().all())


def test_the_product_keeps_the_norm_of_what_large_vectors_make() -> None:
    y = torch.tensor([[3.0, 4.0], [1e-3, 0.0]])
    product = torch.tensor([[1e25, 1e25], [0.0, 1e-25]])
    torch.testing.assert_close(NormKeepingProduct()(y, product).norm(dim=1), y.norm(dim=1))
