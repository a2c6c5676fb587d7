"""Optimisers of functions compared with their skeleton at equal cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.metrics.evaluations import value_after
from lsr1_pl.metrics.suboptimality import log_suboptimality
from lsr1_pl.optim import BatchedOptimizer, Trajectory, unroll
from lsr1_pl.tasks.evaluation import (
    EvaluationRun,
    FunctionBatch,
    FunctionEvaluation,
    Measured,
    Trained,
    family_of,
    knowing,
)
from lsr1_pl.tasks.meta_losses import check_skeleton

_SUBOPTIMALITY = "median of log10 of the relative suboptimality"


@dataclass(frozen=True)
class ByEvaluations(FunctionEvaluation):
    """At equal gradients and Hessian-vector products, beside the optimiser's own skeleton.

    Validation logs, for each family and number of variables, the mean log10 of the ratio of
    suboptimalities, below 0 where the optimiser is better; ``val/log_ratio`` is their mean, in
    which every family weighs alike. A test shows the median suboptimality by evaluations.

    Args:
        steps: inner steps of the test, 1 or more.
        floor: of the relative suboptimality, above 0: what lies below counts little.
        baselines: untrained optimisers to test beside it, by the name that tables show.

    Raises:
        UserError: a number is out of its range.
    """

    steps: int = 50
    floor: float = 1e-7
    baselines: Mapping[str, BatchedOptimizer] | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UserError(f"ByEvaluations steps is {self.steps}; it must be at least 1")
        if not self.floor > 0:
            raise UserError(f"ByEvaluations floor is {self.floor}; it must be above 0")

    def check(self, optimizer: object) -> None:
        """Refuse an optimiser without a skeleton."""
        check_skeleton("evaluate is ByEvaluations", optimizer, "BySteps")

    def validation(self, trained: Trained) -> EvaluationRun:
        """The ratio after half, all and twice the unroll's K evaluations."""
        return _Validation(self, trained)

    def test(self, trained: Trained) -> EvaluationRun:
        """Every solver, ``steps`` steps."""
        return _Test(self, trained)


class _Validation(EvaluationRun):
    def __init__(self, how: ByEvaluations, trained: Trained) -> None:
        self._floor, self._trained = how.floor, trained
        self._ratios: dict[str, list[Tensor]] = {}

    def add(self, batch: FunctionBatch) -> None:
        """The trained optimiser and its skeleton, at equal evaluations."""
        objective, x0 = batch.objective, batch.x0
        optimizer, steps = self._trained.optimizer, self._trained.unroll.steps
        budget = 2 * steps
        theirs = unroll(optimizer.skeleton(), objective, x0, 2 * budget)
        ours = unroll(
            self._trained.unroll.guarded(knowing(optimizer, batch)), objective, x0, budget
        )
        least = torch.minimum(theirs.values.min(0).values, ours.values.min(0).values)
        start = theirs.values[0]
        difference = [
            log_suboptimality(_bought(ours, count), least, start, self._floor)
            - log_suboptimality(_bought(theirs, count), least, start, self._floor)
            for count in (steps // 2, steps, budget)
        ]
        ratio = torch.stack(difference).clamp(-5, 5)
        key = f"{family_of(batch).replace(' ', '_')}_{x0.shape[1]}"
        self._ratios.setdefault(key, []).append(ratio)

    def measured(self) -> Measured:
        """The mean of each family, and the mean of these."""
        means = {
            key: torch.cat(ratios, dim=1).mean() / math.log(10)
            for key, ratios in self._ratios.items()
        }
        logged = {f"val/{key}": mean.item() for key, mean in means.items()}
        main = "val/log_ratio"
        if means:
            logged[main] = torch.stack(list(means.values())).mean().item()
        return Measured({}, "", logged, main)


class _Test(EvaluationRun):
    def __init__(self, how: ByEvaluations, trained: Trained) -> None:
        self._steps, self._floor = how.steps, how.floor
        self._solvers = {
            trained.label: trained.unroll.guarded(trained.optimizer),
            "its skeleton": trained.optimizer.skeleton(),
            **(how.baselines or {}),
        }
        self._found: dict[tuple[str, int], dict[str, list[Tensor]]] = {}

    def add(self, batch: FunctionBatch) -> None:
        """Suboptimality by evaluations, of every solver."""
        paths = {
            name: unroll(knowing(solver, batch), batch.objective, batch.x0, self._steps)
            for name, solver in self._solvers.items()
        }
        values = [path.values.nan_to_num(nan=torch.inf) for path in paths.values()]
        least = torch.stack([value.min(dim=0).values for value in values]).min(dim=0).values
        found = self._found.setdefault((family_of(batch), batch.x0.shape[1]), {})
        for name, path in paths.items():
            by_count = torch.stack([_bought(path, count) for count in range(self._steps + 1)])
            logs = log_suboptimality(by_count, least, path.values[0], self._floor)
            found.setdefault(name, []).append(logs)

    def measured(self) -> Measured:
        """Medians over the problems of each family and number of variables."""
        curves: dict[str, dict[str, list[float]]] = {}
        logged: dict[str, float] = {}
        for (family, size), by_solver in self._found.items():
            title = f"{family}, N={size}: {_SUBOPTIMALITY}"
            curves[title] = {
                name: (torch.cat(parts, dim=1).median(dim=1).values / math.log(10)).tolist()
                for name, parts in by_solver.items()
            }
            for name, curve in curves[title].items():
                logged[f"test/{family.replace(' ', '_')}_{size}/{name}"] = curve[-1]
        note = (
            "By evaluations (gradients and Hessian-vector products) after the start's, at most "
            f"{self._steps} steps. f* is the least value that any solver found."
        )
        return Measured(curves, note, logged, unit="evaluation")


def _bought(path: Trajectory, budget: int) -> Tensor:
    return value_after(path.values, path.evaluations, budget)
