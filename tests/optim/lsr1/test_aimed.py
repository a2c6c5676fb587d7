"""Vectors of L-SR1 that are aimed at a proposed step."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_problems import quadratics, starts
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import AimedLSR1, SecantPenalty, Standing, unroll
from lsr1_pl.optim.curvature import aimed_vector

SIZES = st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(0, 10_000))
SCALES = st.sampled_from([1e-12, 1e-3, 1.0, 1e6])


def random(batch: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    u, g = torch.randn(2, batch, size, generator=generator, dtype=torch.float64)
    return u, g


@given(sizes=SIZES, scale=SCALES)
@settings(max_examples=100, deadline=None)
def test_takes_the_gradient_to_the_negative_step(sizes: tuple[int, int, int], scale: float) -> None:
    u, g = random(*sizes)
    u = scale * u
    descends = -(u * g).sum(dim=1) > 0.01 * u.norm(dim=1) * g.norm(dim=1)
    v = aimed_vector(-u, g, 0.01)
    product = v * (v * g).sum(dim=1, keepdim=True)
    torch.testing.assert_close(product[descends], -u[descends], rtol=1e-9, atol=0)
    assert not v[~descends].any()


def test_a_negative_gradient_has_a_vector_along_it() -> None:
    g = torch.tensor([[3.0, 4.0]])
    torch.testing.assert_close(aimed_vector(2 * g, g), 2**0.5 * g / 5)


@pytest.mark.parametrize("image", [[0.0, 0.0], [0.0, 2.0], [-1.0, 0.0], [1e-9, 1.0]])
def test_no_vector_and_no_gradient_where_nothing_descends(image: list[float]) -> None:
    wanted = torch.tensor([image, [1.0, 0.5]], requires_grad=True)
    y = torch.tensor([[1.0, 0.0], [1.0, 0.0]], requires_grad=True)
    v = aimed_vector(wanted, y)
    assert not v[0].any()
    slopes = torch.autograd.grad(v.square().sum(), (wanted, y))
    for slope in slopes:
        assert torch.isfinite(slope).all()
        assert not slope[0].any()
        assert slope[1].any()


def test_derivatives_are_those_of_differences() -> None:
    u, g = (part.requires_grad_() for part in random(4, 5, 3))
    torch.autograd.gradcheck(lambda u, g: aimed_vector(u, g, 0.01), (u, g))


def test_derivatives_of_a_minute_step_are_finite() -> None:
    image = torch.full((1, 4), 1e-18, requires_grad=True)
    y = torch.full((1, 4), 1e-3)
    (slope,) = torch.autograd.grad(aimed_vector(image, y).sum(), image)
    assert torch.isfinite(slope).all()


def random_steps(standing: Standing) -> Tensor:
    generator = torch.Generator().manual_seed(len(standing.remembered))
    shape = standing.remembered.shape
    return torch.randn(shape, generator=generator, dtype=standing.remembered.dtype)


@given(seed=st.integers(0, 10_000), buffer_size=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_no_step_ascends_and_b_is_positive_semidefinite(seed: int, buffer_size: int) -> None:
    generator = torch.Generator().manual_seed(seed)

    def propose(standing: Standing) -> Tensor:
        return torch.randn(5, 4, generator=generator, dtype=torch.float64)

    objective, optimizer = quadratics(5, 4), AimedLSR1(propose, buffer_size)
    x = starts(5, 4)
    state = optimizer.init(x, objective.evaluate(x))
    for _ in range(6):
        following = optimizer.step(state, objective)
        slope = (following.previous_step * state.evaluation.gradient).sum(dim=1)
        assert (slope <= 1e-12).all()
        assert torch.linalg.eigvalsh(following.curvature.dense()).min() > -1e-9
        state = following


def test_the_step_is_the_proposal_whatever_is_remembered() -> None:
    seen: list[Standing] = []

    def propose(standing: Standing) -> Tensor:
        seen.append(standing)
        return standing.remembered - 0.1 * standing.state.evaluation.gradient

    objective, optimizer = quadratics(3, 4), AimedLSR1(propose, buffer_size=2)
    state = optimizer.init(starts(3, 4), objective.evaluate(starts(3, 4)))
    for number in range(4):
        following = optimizer.step(state, objective)
        gradient, remembered = state.evaluation.gradient, seen[-1].remembered
        torch.testing.assert_close(following.previous_step, remembered - 0.1 * gradient)
        # The oldest of a full buffer makes way for the newest, and is not remembered.
        assert bool(remembered.any()) == (number > 0)
        vectors = state.curvature.vectors[:, 1:]
        torch.testing.assert_close(
            remembered, -(vectors.mT @ vectors @ gradient.unsqueeze(2)).squeeze(2)
        )
        newest = following.curvature.vectors[:, -1]
        product = newest * (newest * gradient).sum(dim=1, keepdim=True)
        torch.testing.assert_close(product, 0.1 * gradient)
        state = following


def test_what_does_not_descend_is_not_added_to_the_remembered_step() -> None:
    proposals = iter([-0.1, 0.1])

    def propose(standing: Standing) -> Tensor:
        return next(proposals) * standing.state.evaluation.gradient

    objective, optimizer = quadratics(3, 4), AimedLSR1(propose, buffer_size=2)
    first = optimizer.init(starts(3, 4), objective.evaluate(starts(3, 4)))
    second = optimizer.step(first, objective)
    third = optimizer.step(second, objective)
    assert not third.curvature.vectors[:, -1].any()
    kept, gradient = third.curvature.vectors[:, 0], second.evaluation.gradient
    expected = -kept * (kept * gradient).sum(dim=1, keepdim=True)
    torch.testing.assert_close(third.previous_step, expected)
    assert expected.any()


def test_a_proposal_of_the_newton_step_meets_the_secant_penalty() -> None:
    objective = quadratics(3, 4)

    def newton(standing: Standing) -> Tensor:
        return -torch.linalg.solve(objective.H, standing.state.evaluation.gradient)

    # A step to the minimum has q = -g: then B g = -p says B q = p.
    current = SecantPenalty(pair="current", detached=False)
    first = unroll(AimedLSR1(newton, 1), objective, starts(3, 4), 1, penalty=current)
    assert first.secant_residuals is not None
    torch.testing.assert_close(
        first.secant_residuals, torch.zeros(1, 3, dtype=torch.float64), atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("options", [{"buffer_size": 0}, {"least_cosine": 1.0}])
def test_refuses_numbers_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match="AimedLSR1"):
        AimedLSR1(random_steps, **options)  # type: ignore[arg-type]
