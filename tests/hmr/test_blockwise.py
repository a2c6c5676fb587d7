"""Two optimisers, one a block, as the authors' published code of mesh recovery has them."""

from __future__ import annotations

from typing import Any

import torch
from official_transcription import (
    PlainNetworks,
    PlainOptimizer,
    furthest,
    gradient_of,
    transcribe,
)
from torch import Tensor

from lsr1_pl.hmr import POSE_SIZE, Blockwise
from lsr1_pl.objectives import DiagonalQuadratic
from lsr1_pl.optim import (
    LSR1,
    BlocksState,
    FreeVector,
    IdentityUntilFull,
    Networks,
    NormKeepingProduct,
    Rate,
    Reads,
    Safeguarded,
    SecantPenalty,
    unroll,
)

BETAS, PROBLEMS, STEPS, L = 10, 3, 8, 4
SIZES = (POSE_SIZE, BETAS)
GAMMA1, GAMMA2, MOST = 0.1, 3.0, 0.25
PENALTY = SecantPenalty(0.5, pair="older", norm="mean")


def one() -> LSR1:
    return LSR1(
        networks=Networks(6, latent_width=5, skip=False, second_prelu=True),
        base=IdentityUntilFull(),
        product=NormKeepingProduct(),
        reads=Reads(inputs=("x", "p", "s", "g", "q"), detached=True),
        vector=FreeVector(initial_scale=1.0),
        rate=Rate(GAMMA1, GAMMA2, most=MOST),
        buffer_size=L,
    )


def both(**options: Any) -> Blockwise:
    torch.manual_seed(0)
    learned = Blockwise(one(), one(), **options).double()
    with torch.no_grad():
        for parameter in learned.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return learned.train()


def start() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(PROBLEMS, sum(SIZES), generator=generator, dtype=torch.float64)


def ours(learned: Blockwise, detach_iterates: bool = True) -> list[Tensor]:
    path = unroll(
        learned,
        DiagonalQuadratic(100.0),
        start(),
        STEPS,
        second_order=False,
        detach_iterates=detach_iterates,
        penalty=PENALTY,
    )
    assert path.secant_residuals is not None
    loss = path.iterates.abs().mean() + PENALTY.weight * path.secant_residuals.mean()
    gradient = gradient_of(loss, list(learned.parameters()))
    return [path.iterates, path.directions, path.secant_residuals, gradient]


def transcribed(weights: tuple[float, float]) -> list[Tensor]:
    learned = both()
    plain = [
        PlainOptimizer(PlainNetworks(each), L, GAMMA1, GAMMA2, MOST)
        for each in (learned.pose, learned.betas)
    ]

    def slope(x: Tensor) -> Tensor:
        return DiagonalQuadratic(100.0).evaluate(x).gradient

    told = transcribe(plain, SIZES, slope, start(), STEPS, detach_iterates=True)
    residuals = weights[0] * told.residuals[:, 0] + weights[1] * told.residuals[:, 1]
    loss = told.iterates.abs().mean() + PENALTY.weight * residuals.mean()
    gradient = gradient_of(loss, list(learned.parameters()))
    return [told.iterates, told.directions, residuals, gradient]


def test_it_is_the_published_algorithm_the_poses_penalty_counted_twice() -> None:
    assert furthest(ours(both(pose_counts_twice=True)), transcribed((2.0, 0.0))) < 1e-10


def test_the_penalties_of_both_add_up_unless_told_else() -> None:
    assert furthest(ours(both()), transcribed((1.0, 1.0))) < 1e-10
    assert furthest(ours(both()), transcribed((2.0, 0.0))) > 1e-6


def test_attached_iterates_are_another_meta_gradient_of_the_same_steps() -> None:
    attached, detached = ours(both(), detach_iterates=False), ours(both())
    assert furthest(attached[:3], detached[:3]) == 0
    assert furthest(attached[3:], detached[3:]) > 1e-6


def test_a_detached_iterate_teaches_the_vectors_of_its_own_step_and_not_the_start() -> None:
    learned, x = both(), start().requires_grad_()
    path = unroll(
        *(learned, DiagonalQuadratic(100.0), x, STEPS), second_order=False, detach_iterates=True
    )
    vectors = learned.pose.vector_generator.output.weight
    last = path.iterates[-1].sum()
    by_vectors, by_start = torch.autograd.grad(last, (vectors, x), allow_unused=True)
    assert bool(by_vectors.any())
    assert by_start is None or not bool(by_start.any())


def test_the_blocks_do_not_see_each_other_but_through_the_objective() -> None:
    learned = both().eval()
    objective, x = DiagonalQuadratic(100.0), start()
    state = learned.step(learned.init(x, objective.evaluate(x)), objective)
    assert isinstance(state, BlocksState)
    moved = x.clone()
    moved[:, POSE_SIZE:] += 1.0
    other = learned.step(learned.init(moved, objective.evaluate(moved)), objective)
    torch.testing.assert_close(state.iterate[:, :POSE_SIZE], other.iterate[:, :POSE_SIZE])
    assert not torch.allclose(state.iterate[:, POSE_SIZE:], other.iterate[:, POSE_SIZE:] - 1.0)


def test_guards_may_shorten_its_steps() -> None:
    path = unroll(Safeguarded(both().eval()), DiagonalQuadratic(100.0), start(), 4)
    assert bool((path.values[1:] <= path.values[:-1]).all())


def test_two_of_the_published_size_have_the_published_number_of_parameters() -> None:
    networks = Networks(256, latent_width=128, skip=False, second_prelu=True)
    learned = Blockwise(LSR1(networks=networks), LSR1(networks=networks))
    assert sum(p.numel() for p in learned.parameters()) == 2 * 898_187
