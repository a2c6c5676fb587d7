"""Every optimiser on every objective: a batch is so many single runs, whatever the neighbours."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from random_problems import one_of, quadratics, starts
from torch import Tensor, nn

from lsr1_pl.ground.types import Objective
from lsr1_pl.objectives import DiagonalQuadratic, Quadratic, Rastrigin, Rosenbrock
from lsr1_pl.optim import (
    BFGS,
    LBFGS,
    LSR1,
    PSDSR1,
    SR1,
    AdaHessian,
    Adam,
    BatchedOptimizer,
    CoordinatewiseLSTM,
    GradientDescent,
    LearnedBFGS,
    MomentumMLP,
    Nesterov,
    Newton,
    PairLSR1,
    PolyakDescent,
    RankOneTransformer,
    Safeguarded,
    unroll,
)

STEPS, BATCH, SIZE = 10, 32, 5


def lsr1(**options: Any) -> LSR1:
    torch.manual_seed(0)
    return LSR1(hidden_dim=8, buffer_size=3, gamma1=0.01, **options).double().eval()


def learned(kind: type[nn.Module], **options: Any) -> BatchedOptimizer:
    torch.manual_seed(0)
    made = kind(**options).double().eval()
    assert isinstance(made, BatchedOptimizer)
    return made


def learned_bfgs() -> BatchedOptimizer:
    optimizer = learned(LearnedBFGS)
    assert isinstance(optimizer, LearnedBFGS)
    nn.init.normal_(optimizer.network[-1].weight, std=0.1)
    return Safeguarded(optimizer)


OPTIMIZERS: dict[str, BatchedOptimizer] = {
    "gradient descent": GradientDescent(1e-3),
    "nesterov": Nesterov(1e-3),
    "adam": Adam(0.05),
    "adahessian": AdaHessian(0.05),
    "newton": Newton(0.5),
    "sr1": SR1(0.5),
    "bfgs": BFGS(),
    "bfgs exact": BFGS("exact"),
    "bfgs unit": BFGS(None, 1e-3),
    "l-bfgs": LBFGS(4, learning_rate=0.1),
    "l-bfgs armijo": LBFGS(4, "armijo"),
    "l-bfgs wolfe": LBFGS(4, "strong_wolfe"),
    "polyak": PolyakDescent(0.5),
    "psd-sr1": PSDSR1(4, learning_rate=1e-3),
    "guarded": Safeguarded(PSDSR1(4)),
    "pair l-sr1": PairLSR1(4).double(),
    "lstm": learned(CoordinatewiseLSTM, hidden_dim=4),
    "mlp": learned(MomentumMLP, width=4, learning_rate=0.1),
    "transformer": learned(RankOneTransformer, width=4, heads=2, learning_rate=0.1),
    "learned bfgs": learned_bfgs(),
    "l-sr1": lsr1(),
    "l-sr1 polyak": lsr1(initial_curvature="polyak"),
}


OBJECTIVES: dict[str, Objective] = {
    "rosenbrock": Rosenbrock(),
    "rastrigin": Rastrigin(),
    "diagonal": DiagonalQuadratic(1000.0),
    "quadratic": quadratics(BATCH, SIZE),
}


def start_points() -> Tensor:
    x0 = starts(BATCH, SIZE)
    x0[5] = math.nan
    x0[6] = 1e200
    return x0


@pytest.mark.parametrize("function", OBJECTIVES)
@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_a_batch_is_single_runs_even_with_broken_neighbours(solver: str, function: str) -> None:
    objective, optimizer, x0 = OBJECTIVES[function], OPTIMIZERS[solver], start_points()
    end = 1e-12
    if solver.startswith("l-sr1"):
        end = {"rastrigin": 1e-7, "rosenbrock": 1e-10}.get(function, end)
    if solver == "learned bfgs":
        end = 1e-9
    if solver == "pair l-sr1":
        # One problem's pairs are combined by other routines than many problems' are.
        end = 1e-9
    with torch.no_grad():
        together = unroll(optimizer, objective, x0, STEPS)
        for i in range(BATCH):
            lone = one_of(objective, i) if isinstance(objective, Quadratic) else objective
            single = unroll(optimizer, lone, x0[i : i + 1], STEPS)
            for ours, theirs in (
                (together.iterates[:, i], single.iterates[:, 0]),
                (together.values[:, i], single.values[:, 0]),
            ):
                # Products of other shapes round differently, and a chaotic run (L-SR1 among
                # Rastrigin's minima, above all) amplifies that step by step: exact at its start.
                torch.testing.assert_close(
                    ours[:3], theirs[:3], rtol=1e-12, atol=1e-12, equal_nan=True
                )
                torch.testing.assert_close(ours, theirs, rtol=end, atol=end, equal_nan=True)
            assert torch.equal(together.evaluations[:, i], single.evaluations[:, 0])


@pytest.mark.parametrize("function", OBJECTIVES)
def test_pairs_among_others_are_those_beside_a_copy_of_their_own(function: str) -> None:
    """Both by the routines of many problems: nothing but the rounding of shapes may differ."""
    objective, optimizer, x0 = OBJECTIVES[function], OPTIMIZERS["pair l-sr1"], start_points()
    with torch.no_grad():
        together = unroll(optimizer, objective, x0, STEPS)
        for i in range(BATCH):
            own: Objective = objective
            if isinstance(objective, Quadratic):
                own = Quadratic(objective.H[[i, i]], objective.b[[i, i]])
            twice = unroll(optimizer, own, x0[[i, i]], STEPS)
            ours, theirs = together.iterates[:, i], twice.iterates[:, 0]
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("function", OBJECTIVES)
@pytest.mark.parametrize("solver", ["bfgs", "l-bfgs armijo", "l-bfgs wolfe"])
def test_searches_never_go_up(solver: str, function: str) -> None:
    sound = [i for i in range(BATCH) if i not in (5, 6)]
    with torch.no_grad():
        values = unroll(OPTIMIZERS[solver], OBJECTIVES[function], start_points(), STEPS).values
    assert bool((values.diff(dim=0)[:, sound] <= 0).all())
    assert bool((values[-1, sound] < values[0, sound]).all())


@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_meta_gradients_are_finite(solver: str) -> None:
    # Two sound starts, one that overflows at once in some solvers, and the minimiser itself.
    x0 = torch.cat([start_points()[:2], 30 * start_points()[2:3], torch.ones(1, SIZE).double()])
    x0.requires_grad_()
    path = unroll(OPTIMIZERS[solver], Rosenbrock(), x0, 3)
    (gradient,) = torch.autograd.grad(path.values[-1, [0, 1, 3]].sum(), x0)
    assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_all_can_be_held_when_they_diverge(solver: str) -> None:
    with torch.no_grad():
        path = unroll(
            OPTIMIZERS[solver], Rosenbrock(), start_points()[:4], 5, divergence_limit=10.0
        )
        free = unroll(OPTIMIZERS[solver], Rosenbrock(), start_points()[:4], 5)
    held = (free.values > path.values[0] + 10 * (1 + path.values[0].abs())).any(dim=0)
    torch.testing.assert_close(path.values[:, ~held], free.values[:, ~held])
