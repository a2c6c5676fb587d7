"""Meta-training on a family of problems: start, metric and steps, one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lsr1_pl.data.functions.families import FamilyDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives.families import Problems
from lsr1_pl.optim import PairLSR1, SecantPenalty
from lsr1_pl.optim.checks import check_counts
from lsr1_pl.optim.family import FamilyOptimizer
from lsr1_pl.optim.family.metrics import TrainedMetric
from lsr1_pl.optim.family.solved import Solved
from lsr1_pl.optim.family.starts import TrainedStart
from lsr1_pl.optim.minimize import minimize_batch
from lsr1_pl.tasks.by_evaluations import ByEvaluations
from lsr1_pl.tasks.evaluation import FunctionEvaluation
from lsr1_pl.tasks.function import FunctionTask
from lsr1_pl.tasks.meta_losses import LogRatioToSkeleton, MetaLoss
from lsr1_pl.tasks.unrolling import Unroll

_CHUNK = 1024
"""Problems that are solved at once."""
_PAIRS = 16
"""Memory of the solver, where the optimiser within is of another kind."""
_LAST = 0.01
"""Of the rate, at the end of a phase."""


@dataclass(frozen=True)
class Phases:
    """How long each part trains; the steps of the optimiser train for the rest of the run.

    Args:
        start_iterations: iterations that train a start network, on the objective itself; 0 or more.
        metric_iterations: iterations that train a metric network, on Hessians at solutions; 0 or
            more.
        solved: how many problems are solved to learn from, at least 1: before the first
            iteration and, from the learned start, once that has trained.
        solve_steps: at most so many steps for each of them, at least 1.

    Raises:
        UserError: a number is out of its range.
    """

    start_iterations: int = 4000
    metric_iterations: int = 2000
    solved: int = 4096
    solve_steps: int = 200

    def __post_init__(self) -> None:
        check_counts(self, solved=self.solved, solve_steps=self.solve_steps)
        for name in ("start_iterations", "metric_iterations"):
            if getattr(self, name) < 0:
                raise UserError(f"Phases {name} is {getattr(self, name)}; it must be 0 or more")


class FamilyTask(FunctionTask):
    """:class:`FunctionTask` of an optimiser that learns one family of problems.

    First the start trains, then the metric, then the steps of the optimiser within, by the
    meta-loss; in each of these phases the rate falls by a cosine. A part without weights, such as
    the mean solution, is measured on solved problems. The data must be a
    :class:`lsr1_pl.data.FamilyDataModule`.

    Args:
        optimizer: what to train.
        unroll: see :class:`FunctionTask`.
        phases: how long each part trains.
        loss: what an unroll costs, before the penalty.
        meta_optimizer: makes the meta-optimiser from the parameters.
        lr_scheduler: makes its learning-rate schedule; None for the cosine of each phase.
        evaluate: how it is validated and tested.
        penalty: the secant penalty, for an optimiser whose B is learned.

    Raises:
        UserError: the optimiser is no :class:`lsr1_pl.optim.FamilyOptimizer`, or as in
            :class:`FunctionTask`.
    """

    optimizer: FamilyOptimizer
    measured: Tensor

    def __init__(
        self,
        optimizer: FamilyOptimizer,
        unroll: Unroll = Unroll(  # noqa: B008
            steps=8, clip_sample_gradient=10.0, divergence_limit=None
        ),
        phases: Phases = Phases(),
        loss: MetaLoss = LogRatioToSkeleton(own_minimum=True),  # noqa: B008
        meta_optimizer: OptimizerCallable = lambda p: torch.optim.AdamW(p, lr=1e-3),
        lr_scheduler: LRSchedulerCallable | None = None,
        evaluate: FunctionEvaluation = ByEvaluations(),  # noqa: B008
        penalty: SecantPenalty = SecantPenalty(0.0),
    ) -> None:
        super().__init__(optimizer, unroll, penalty, meta_optimizer, lr_scheduler, loss, evaluate)
        if not isinstance(optimizer, FamilyOptimizer):
            raise UserError(
                f"FamilyTask optimizer is {type(optimizer).__name__}; expected "
                "lsr1_pl.optim.FamilyOptimizer, in which any optimiser may stand"
            )
        self.phases = phases
        self._lengths: dict[str, int] = {}
        if isinstance(optimizer.start, TrainedStart):
            self._lengths["start"] = phases.start_iterations
        if isinstance(optimizer.metric, TrainedMetric):
            self._lengths["metric"] = phases.metric_iterations
        self._solved: Solved | None = None
        self.register_buffer("measured", torch.zeros((), dtype=torch.long))

    def on_fit_start(self) -> None:
        """Measure the start on problems that are solved from the usual one."""
        data = getattr(self.trainer, "datamodule", None)
        if not isinstance(data, FamilyDataModule):
            raise UserError(
                f"FamilyTask trains on a lsr1_pl.data.FamilyDataModule; got {type(data).__name__}"
            )
        family = data.family
        for name in ("variables", "features"):
            given, said = getattr(self.optimizer, name), getattr(family, name)
            if given != said:
                raise UserError(
                    f"model.init_args.optimizer {name} is {given}, and {type(family).__name__} "
                    f"has {said}: set {name} {said}"
                )
        self._check_length()
        if int(self.measured) == 0 and self.optimizer.start is not None:
            self.optimizer.start.measure(self._solve(0, usual=True))
            self.measured.fill_(1)

    def training_step(  # type: ignore[override]
        self, batch: Problems, batch_idx: int
    ) -> Tensor:
        """The loss of the phase that this iteration belongs to."""
        phase, _, _ = self._phase()
        if phase == "start":
            loss = self._start_loss(batch)
        else:
            self._measure_metric(phase)
            if phase == "steps":
                return super().training_step(batch, batch_idx)
            loss = self._metric_loss()
        self.log(f"train/{phase}_loss", loss, prog_bar=True, batch_size=len(batch.x0))
        return loss

    def configure_optimizers(self) -> Any:
        """The meta-optimiser; its rate falls by a cosine in each phase, unless told else."""
        made = super().configure_optimizers()
        if self.lr_scheduler is not None:
            return made
        schedule = torch.optim.lr_scheduler.LambdaLR(made, lambda _: self._factor())
        return {"optimizer": made, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _check_length(self) -> None:
        """Refuse a run whose last phase has nothing to train."""
        most, before = self.trainer.max_steps, sum(self._lengths.values())
        steps = any(p.requires_grad for p in _weights(self.optimizer.optimizer))
        if not steps and (most < 0 or most > before):
            raise UserError(
                f"trainer.max_steps is {most}, but start and metric train for {before} iterations "
                f"and {type(self.optimizer.optimizer).__name__} has no weights: set max_steps "
                f"{before}, or phases longer"
            )

    def _phase(self) -> tuple[str, int, int]:
        """The phase of this iteration, the iteration within it, and its length."""
        step = self.global_step
        for name, length in self._lengths.items():
            if step < length:
                return name, step, length
            step -= length
        # Without a trainer a run has no length.
        most = 0 if self._trainer is None else self.trainer.max_steps
        return "steps", step, max(1, most - sum(self._lengths.values()))

    def _factor(self) -> float:
        if self._trainer is None:
            return 1.0
        _, step, length = self._phase()
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / length)))
        return _LAST + (1 - _LAST) * cosine

    def _start_loss(self, batch: Problems) -> Tensor:
        start = self.optimizer.start
        assert isinstance(start, TrainedStart)
        return start.loss(batch.objective.value(start(batch.x0, batch.features)))

    def _metric_loss(self) -> Tensor:
        metric = self.optimizer.metric
        assert isinstance(metric, TrainedMetric)
        assert self._solved is not None
        count = len(self._solved.solution)
        generator = torch.Generator().manual_seed(self.global_step)
        size = min(count, self.trainer.datamodule.batch_size)  # type: ignore[attr-defined]
        rows = torch.randperm(count, generator=generator)[:size].to(self.device)
        return metric.loss(self._solved.chosen(rows))

    def _measure_metric(self, phase: str) -> None:
        """Once, after the start has trained; and again what a resumed run needs."""
        metric = self.optimizer.metric
        known = int(self.measured) >= 2
        if metric is None or (known and (phase == "steps" or self._solved is not None)):
            return
        self._solved = self._solve(1, usual=False)
        if not known:
            metric.measure(self._solved)
            self.measured.fill_(2)

    @torch.no_grad()
    def _solve(self, number: int, usual: bool) -> Solved:
        """Training problems, solved from the usual start or the learned one."""
        parts: list[Solved] = []
        start, metric = self.optimizer.start, self.optimizer.metric
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        inner = self.optimizer.optimizer
        # Other optimisers may solve nothing before they are trained.
        pairs = inner if isinstance(inner, PairLSR1) else PairLSR1(_PAIRS)
        skeleton = pairs.skeleton()
        left = self.phases.solved
        while left > 0:
            problems = data.to_solve(min(left, _CHUNK), 1000 * number + len(parts))
            problems = problems.to(self.device).to(self.dtype)
            left -= len(problems.x0)
            x0 = problems.x0
            if not usual and start is not None:
                x0 = start(x0, problems.features)
            solver = skeleton.to(x0)
            found = minimize_batch(solver, problems.objective, x0, self.phases.solve_steps)
            hessian = None
            if not usual and metric is not None:
                hessian = metric.curvature(problems.objective, found.x)
            values = problems.objective.value(x0), found.evaluation.value
            parts.append(Solved(problems.features, x0, found.x, *values, hessian))
        return Solved.joined(parts)


def _weights(optimizer: Any) -> list[Tensor]:
    return list(optimizer.parameters()) if isinstance(optimizer, torch.nn.Module) else []
