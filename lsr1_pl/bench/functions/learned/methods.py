"""The learned optimisers that the study of them trains, each with its recipe, and the problems."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from pytorch_lightning import seed_everything
from torch import Tensor

from lsr1_pl.bench.functions.solving import solve
from lsr1_pl.bench.published import published_parts
from lsr1_pl.bench.short_training import train_shortly
from lsr1_pl.data import QuadraticsDataModule, draw_quadratics, draw_starts
from lsr1_pl.data.steps import step_generator
from lsr1_pl.ground.types import Objective
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.optim import (
    BFGS,
    LBFGS,
    LSR1,
    BatchedOptimizer,
    CoordinatewiseLSTM,
    FirstSecant,
    GradientDescent,
    LearnedBFGS,
    MomentumMLP,
    Networks,
    RankOneTransformer,
    Rate,
    Reads,
    Safeguarded,
    SecantPenalty,
    SecantUnitVector,
)
from lsr1_pl.tasks import FunctionTask, RelativeSuboptimality, Unroll

SIZE, STEPS = 6, 20
_UNROLL, _BATCH = 12, 64
_LOST = 1e6
"""From this relative suboptimality on, a run counts as diverged: infinite."""


@dataclass(frozen=True)
class Method:
    """One learned optimiser and how it is trained; what is not said is alike for all."""

    name: str
    make: Callable[[], torch.nn.Module]
    rate: float = 1e-3
    """Of AdamW."""
    unroll: Mapping[str, Any] = field(default_factory=dict)
    penalty: SecantPenalty = SecantPenalty(0.0)


def _text() -> LSR1:
    return LSR1(networks=Networks(64), rate=Rate(0.4, 1e-3))


def _invariant() -> LSR1:
    return LSR1(
        networks=Networks(32),
        reads=Reads(
            inputs=("x", "p", "d", "g", "q", "r"),
            normalization="rms",
            secant_numbers=True,
            detached=True,
        ),
        base=FirstSecant(),
        vector=SecantUnitVector(limit=3.0),
        rate=Rate(1.0, 0.5, limit=3.0),
    )


METHODS = (
    Method("L-SR1, text", _text, penalty=SecantPenalty(1.0)),
    Method(
        "L-SR1, authors' code",
        lambda: LSR1(**published_parts(width=128)),
        unroll={"second_order": False},
        penalty=SecantPenalty(1.0, pair="older", norm="mean"),
    ),
    Method(
        "L-SR1, invariant",
        _invariant,
        unroll={"safeguard": True},
        penalty=SecantPenalty(0.1, norm="relative"),
    ),
    Method("LSTM", CoordinatewiseLSTM, 3e-3, {"second_order": False}),
    Method("MLP on momenta", lambda: MomentumMLP(learning_rate=0.1, magnitude=0.1), 3e-3),
    Method(
        "rank-one transformer", lambda: RankOneTransformer(learning_rate=0.1, magnitude=0.1), 1e-3
    ),
    Method("learned BFGS", LearnedBFGS, unroll={"safeguard": True}),
)
"""Each near its config of quadratics, narrower where that is wide."""

UNTRAINED: Mapping[str, Callable[[], BatchedOptimizer]] = {
    "learned BFGS, untrained": lambda: Safeguarded(LearnedBFGS().eval()),
    "L-BFGS, strong Wolfe": lambda: LBFGS(8, "strong_wolfe"),
    "BFGS": lambda: BFGS("armijo"),
    "gradient descent": lambda: GradientDescent(1.0),
}
"""What they are set beside."""


@dataclass(frozen=True)
class Family:
    """Test problems of one kind."""

    name: str
    objective: Objective
    x0: Tensor
    minimum: Tensor
    """(B,)."""


def families(count: int, seed: int) -> list[Family]:
    """``count`` problems in distribution, as many larger, in another unit, and of another kind."""
    found = []
    for name, size, unit, condition in (
        (f"quadratics, N = {SIZE}", SIZE, 1.0, 1e3),
        ("quadratics, N = 20", 20, 1.0, 1e4),
        (f"quadratics, N = {SIZE}, f times 1,000", SIZE, 1e3, 1e3),
    ):
        batch = draw_quadratics(count, size, step_generator(seed, size), condition)
        objective = type(batch.objective)(unit * batch.H, unit * batch.b)
        found.append(Family(name, objective, batch.x0, objective.minimum()))
    x0 = draw_starts(count, SIZE, step_generator(seed, 0), "normal", 1.0)
    found.append(Family(f"Rosenbrock, N = {SIZE}", Rosenbrock(), x0, torch.zeros(count)))
    return found


def train(method: Method, seed: int, iterations: int) -> tuple[BatchedOptimizer, float]:
    """The optimiser, trained and as it is to be run, and the seconds that training took."""
    seed_everything(seed, verbose=False)
    task = FunctionTask(
        method.make(),
        unroll=Unroll(**{"steps": _UNROLL, "divergence_limit": 10.0, **method.unroll}),
        penalty=method.penalty,
        meta_optimizer=lambda weights: torch.optim.AdamW(weights, lr=method.rate),
        loss=RelativeSuboptimality(),
    )
    began = time.perf_counter()
    train_shortly(task, QuadraticsDataModule(size=SIZE, batch_size=_BATCH, seed=seed), iterations)
    seconds = time.perf_counter() - began
    return task.unroll.guarded(task.optimizer.eval()), seconds


def measured(optimizer: BatchedOptimizer, problems: list[Family]) -> dict[str, Any]:
    """By family: medians of the relative suboptimality by step, mean evaluations, time a step."""
    found = {}
    for family in problems:
        run = solve(optimizer, family.objective, family.x0, STEPS)
        values, least = run.values.double(), family.minimum.double()
        relative = ((values - least) / (values[0] - least)).clamp_min(0)
        relative = torch.where(relative < _LOST, relative, torch.inf)
        found[family.name] = {
            "median": relative.median(dim=1).values.tolist(),
            "evaluations": run.evaluations.double().mean(dim=1).tolist(),
            "milliseconds": 1e3 * float(run.seconds[-1] - run.seconds[0]) / STEPS,
        }
    return found
