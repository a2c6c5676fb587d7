"""The authors' published algorithm, held against a dense transcription of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
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


@dataclass
class Told:
    values: list[Tensor]
    directions: list[Tensor]
    residuals: list[Tensor]


class Transcription:
    """Written from what the code computes: dense matrices, one problem after another."""

    def __init__(self, learned: LSR1) -> None:
        self.weights = dict(learned.named_parameters())

    def normalised(self, name: str, rows: Tensor) -> Tensor:
        deviation = (rows - rows.mean(dim=0)).square().mean(dim=0)
        unit = (rows - rows.mean(dim=0)) / torch.sqrt(deviation + 1e-5)
        return unit * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def linear(self, name: str, rows: Tensor) -> Tensor:
        return rows @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def prelu(self, name: str, rows: Tensor) -> Tensor:
        slope = self.weights[f"{name}.weight"]
        return torch.where(rows > 0, rows, slope * rows)

    def mlp(self, name: str, rows: Tensor) -> Tensor:
        rows = self.normalised(f"{name}.layers.1", self.linear(f"{name}.layers.0", rows))
        rows = self.prelu(f"{name}.layers.2", rows)
        for number in (4, 5):
            block = f"{name}.layers.{number}.layers"
            for linear, norm in ((0, 1), (4, 5)):
                rows = self.linear(f"{block}.{linear}", rows)
                rows = self.normalised(f"{block}.{norm}", rows)
                rows = self.prelu(f"{block}.2", rows)
        return self.linear(f"{name}.output", rows)

    def product(self, stored: list[Tensor], y: Tensor) -> Tensor:
        """B y for every problem, with the vectors (B, N) that were ever stored."""
        if not stored:
            return y
        rows = []
        for problem in range(len(y)):
            B = torch.zeros(SIZE, SIZE, dtype=y.dtype)
            if len(stored) < L:
                B = B + torch.eye(SIZE, dtype=y.dtype)
            for vector in stored[-L:]:
                B = B + torch.outer(vector[problem], vector[problem])
            turned = B @ y[problem]
            rows.append(turned / turned.norm() * y[problem].norm())
        return torch.stack(rows)

    def run(self, H: Tensor, b: Tensor, x: Tensor) -> Told:
        def value(x: Tensor) -> Tensor:
            return 0.5 * (x * (H @ x.unsqueeze(2)).squeeze(2)).sum(1) + (b * x).sum(1)

        def slope(x: Tensor) -> Tensor:
            return ((H @ x.unsqueeze(2)).squeeze(2) + b).detach()

        told = Told([value(x)], [], [])
        stored: list[Tensor] = []
        g = slope(x)
        p, q = x, g
        for _ in range(STEPS):
            s = self.product(stored, q.detach())
            told.residuals.append((p.detach() - s).square().mean(dim=1))
            seen = torch.stack([x, p, s, g, q], dim=2).detach().reshape(-1, 5)
            latent = self.mlp("encoder", seen)
            stored.append(self.mlp("vector_generator", latent).view_as(x))
            out = self.mlp("learning_rate_generator", latent).view_as(x)
            rate = torch.clamp(GAMMA1 * torch.exp(GAMMA2 * out), max=MOST)
            d = self.product(stored, g)
            told.directions.append(d)
            following = x - rate * d
            p, q = following - x, slope(following) - g
            x, g = following, slope(following)
            told.values.append(value(x))
        return told


def meta_gradient(learned: LSR1, values: Tensor, residuals: Tensor) -> Tensor:
    loss = values[1:].mean() + PENALTY.weight * residuals.mean()
    names = list(learned.parameters())
    parts = torch.autograd.grad(loss, names, allow_unused=True)
    return torch.cat(
        [
            (torch.zeros_like(p) if part is None else part).flatten()
            for p, part in zip(names, parts, strict=True)
        ]
    )


def ours(learned: LSR1, penalty: SecantPenalty = PENALTY, **options: Any) -> list[Tensor]:
    H, b, x = problems()
    options = {"second_order": False, **options}
    path = unroll(learned.train(), Quadratic(H, b), x, STEPS, penalty=penalty, **options)
    assert path.secant_residuals is not None
    gradient = meta_gradient(learned, path.values, path.secant_residuals)
    return [path.values, path.directions, path.secant_residuals, gradient]


def transcribed() -> list[Tensor]:
    learned = official()
    told = Transcription(learned).run(*problems())
    values, residuals = torch.stack(told.values), torch.stack(told.residuals)
    gradient = meta_gradient(learned, values, residuals)
    return [values, torch.stack(told.directions), residuals, gradient]


def furthest(found: list[Tensor], expected: list[Tensor]) -> float:
    if any(a.shape != b.shape for a, b in zip(found, expected, strict=True)):
        return float("inf")
    with torch.no_grad():
        pairs = zip(found, expected, strict=True)
        return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


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
