"""Optimisers of functions compared step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.metrics.newton import HasNewtonDirection, newton_alignment
from lsr1_pl.metrics.suboptimality import SUBOPTIMALITY, log_suboptimality
from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim import BatchedOptimizer, SecantPenalty, unroll
from lsr1_pl.tasks.evaluation import (
    EvaluationRun,
    FunctionBatch,
    FunctionEvaluation,
    Measured,
    Trained,
    knowing,
)

_FLOOR = 1e-8
"""Relative suboptimality below it is rounding, in single precision."""
_VALUE, _COSINE, _RESIDUAL = "value", "cosine with Newton direction", "secant residual"
_LOGGED = ((_VALUE, "value", 0), (_COSINE, "newton_cosine", 1), (_RESIDUAL, "secant_residual", 1))


@dataclass(frozen=True)
class BySteps(FunctionEvaluation):
    """Means over problems at each inner step.

    Validation runs the unroll's K steps and logs, under ``val/``, the value at each of them, its
    mean and standard deviation over the problems after the last one (``final_value``), the cosine
    of ``-d_k`` with the Newton direction where the objective knows it, and the secant residual
    where the optimiser has one. A test of quadratics, whose minimum is known, also has the median
    over problems of ``(f_k - f*) / (f_0 - f*)``: a few problems dominate means of values.

    Args:
        steps: inner steps of the test, 1 or more.
        buffer_sizes: the L of each test run, for optimisers with ``with_buffer_size``; the trained
            one if empty. Other optimisers are tested as they are.
        baselines: untrained optimisers to test beside it, by the name that tables show.

    Raises:
        UserError: ``steps`` is below 1.
    """

    steps: int = 20
    buffer_sizes: Sequence[int] = (1, 2, 4, 8)
    baselines: Mapping[str, BatchedOptimizer] | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UserError(f"BySteps steps is {self.steps}; it must be at least 1")

    def validation(self, trained: Trained) -> EvaluationRun:
        """The trained K steps."""
        guarded = trained.unroll.guarded(trained.optimizer)
        return _Run(
            {trained.label: guarded}, {trained.label: "val"}, trained.unroll.steps, trained.penalty
        )

    def test(self, trained: Trained) -> EvaluationRun:
        """``steps`` steps with each buffer size, and with each baseline."""
        solvers: dict[str, BatchedOptimizer] = {}
        prefixes: dict[str, str] = {}
        if hasattr(trained.optimizer, "with_buffer_size"):
            for size in self.buffer_sizes or (trained.optimizer.buffer_size,):
                name = f"{trained.label}, L={size}"
                solvers[name] = trained.unroll.guarded(trained.optimizer.with_buffer_size(size))
                prefixes[name] = f"test/buffer_{size}"
        else:
            solvers[trained.label] = trained.unroll.guarded(trained.optimizer)
            prefixes[trained.label] = "test"
        solvers |= self.baselines or {}
        return _Run(solvers, prefixes, self.steps, trained.penalty, with_minimum=True)


class _Run(EvaluationRun):
    """Everything by problem until the end, so that the size of a batch weighs nothing."""

    def __init__(
        self,
        solvers: Mapping[str, BatchedOptimizer],
        prefixes: Mapping[str, str],
        steps: int,
        penalty: SecantPenalty,
        with_minimum: bool = False,
    ) -> None:
        self._solvers, self._prefixes = solvers, prefixes
        self._steps, self._penalty = steps, penalty
        self._found: dict[str, dict[str, list[Tensor]]] = {_VALUE: {}, _COSINE: {}, _RESIDUAL: {}}
        self._with_minimum = with_minimum
        self._minima: list[Tensor] = []
        self._problems = 0
        self._objectives: dict[str, None] = {}
        self._sizes: set[int] = set()

    def add(self, batch: FunctionBatch) -> None:
        """Run every solver on the problems of a batch."""
        objective, x0 = batch.objective, batch.x0
        self._problems += len(x0)
        self._sizes.add(x0.shape[1])
        self._objectives[type(objective).__name__] = None
        for name, solver in self._solvers.items():
            path = unroll(knowing(solver, batch), objective, x0, self._steps, penalty=self._penalty)
            self._keep(_VALUE, name, path.values)
            if isinstance(objective, HasNewtonDirection):
                cosines = newton_alignment(path.iterates, path.directions, objective)
                self._keep(_COSINE, name, cosines)
            if path.secant_residuals is not None:
                self._keep(_RESIDUAL, name, path.secant_residuals)
        if isinstance(objective, Quadratic):
            self._minima.append(objective.minimum())

    def _keep(self, metric: str, name: str, by_problem: Tensor) -> None:
        self._found[metric].setdefault(name, []).append(by_problem.detach())

    def measured(self) -> Measured:
        """Means over all problems."""
        curves: dict[str, dict[str, list[float]]] = {}
        for metric, by_solver in self._found.items():
            # A direction and a residual stand at the step that they made; the start has none.
            first = [] if metric == _VALUE else [float("nan")]
            curves[metric] = {
                name: [*first, *torch.cat(parts, dim=1).mean(dim=1).tolist()]
                for name, parts in by_solver.items()
            }
        logged: dict[str, float] = {}
        for name, prefix in self._prefixes.items():
            if name not in self._found[_VALUE]:
                continue
            final = torch.cat([values[-1] for values in self._found[_VALUE][name]])
            logged[f"{prefix}/final_value"] = final.mean().item()
            # One problem has no spread.
            spread = final.std() if len(final) > 1 else torch.zeros_like(final[0])
            logged[f"{prefix}/final_value_std"] = spread.item()
            for metric, key, begin in _LOGGED:
                curve = curves[metric].get(name, [])
                for k in range(begin, len(curve)):
                    logged[f"{prefix}/{key}_step_{k:02d}"] = curve[k]
        minima = torch.cat(self._minima) if self._minima else torch.empty(0)
        if self._with_minimum and 0 < len(minima) == self._problems:
            curves[_VALUE]["minimum"] = [minima.mean().item()] * (self._steps + 1)
            curves[SUBOPTIMALITY] = {
                name: _median_suboptimality(torch.cat(parts, dim=1), minima)
                for name, parts in self._found[_VALUE].items()
            }
        sizes = ", ".join(map(str, sorted(self._sizes)))
        note = (
            f"Means over {self._problems} fixed problems ({', '.join(self._objectives)}) of "
            f"N={sizes}, {self._steps} inner steps."
        )
        return Measured(curves, note, logged, "val/final_value")


def _median_suboptimality(values: Tensor, minima: Tensor) -> list[float]:
    """By step, over problems: (f_k - f*) / (f_0 - f*) of values (K + 1, B), f* (B,)."""
    relative = log_suboptimality(values, minima, values[0], _FLOOR).exp()
    return relative.nan_to_num(nan=torch.inf).median(dim=1).values.tolist()
