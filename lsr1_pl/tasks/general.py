"""Meta-training of one optimiser for all functions: better than its own skeleton."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.metrics.evaluations import value_after
from lsr1_pl.optim import BatchedOptimizer, PairLSR1, SecantPenalty, Trajectory, unroll
from lsr1_pl.tasks.former import takes_former_keywords
from lsr1_pl.tasks.function import FunctionBatch
from lsr1_pl.tasks.meta import MetaTask
from lsr1_pl.tasks.unrolling import Unroll

_LIMIT = 2.0
"""Beyond this a log ratio counts by its logarithm: one lost problem must not drown the others."""
_SUBOPTIMALITY = "median of log10 of the relative suboptimality"


class FamilyBatch(FunctionBatch, Protocol):
    """B problems of one family, as :class:`lsr1_pl.data.MixtureDataModule` draws them."""

    @property
    def family(self) -> str:
        """A name, for the logs."""


@takes_former_keywords(
    *("optimizer", "steps", "floor", "meta_optimizer", "lr_scheduler", "second_order"),
    *("clip_sample_gradient", "test_steps", "baselines"),
)
class GeneralTask(MetaTask):
    """:class:`lsr1_pl.optim.PairLSR1` on a mixture of families, against its own skeleton.

    The meta-loss is the mean over steps of ``log((s + floor) / (s' + floor))``, where s is the
    relative suboptimality ``(f_k - f*) / (f_0 - f*)`` and s' the skeleton's at the same step: it
    knows no scale, and every family weighs alike. f* is the least value that the skeleton finds
    in twice the steps. Validation logs the same ratio at equal *evaluations*, over all families,
    as ``val/log_ratio`` (base 10; below 0 is better than the skeleton), and each family's.

    Args:
        optimizer: what to train.
        unroll: its K is validation's; training takes half of it, all of it, and thrice a half in
            turn.
        floor: of the relative suboptimality: what lies below counts little.
        meta_optimizer: see :class:`MetaTask`.
        lr_scheduler: see there.
        test_steps: inner steps of the test.
        baselines: untrained optimisers to test beside it, by the name that tables show.
    """

    def __init__(
        self,
        optimizer: PairLSR1,
        unroll: Unroll = Unroll(clip_sample_gradient=10.0, divergence_limit=None),  # noqa: B008
        floor: float = 1e-7,
        meta_optimizer: OptimizerCallable = lambda p: torch.optim.AdamW(p, lr=5e-3),
        lr_scheduler: LRSchedulerCallable | None = None,
        test_steps: int = 50,
        baselines: Mapping[str, BatchedOptimizer] | None = None,
    ) -> None:
        super().__init__(unroll, SecantPenalty(0.0), meta_optimizer, lr_scheduler)
        if not floor > 0:
            raise UserError(f"GeneralTask floor is {floor}; it must be above 0")
        self.save_hyperparameters(
            ignore=["optimizer", "unroll", "meta_optimizer", "lr_scheduler", "baselines"]
        )
        self.optimizer = optimizer
        self.floor = floor
        self.test_steps = test_steps
        self.baselines = dict(baselines or {})

    def training_step(self, batch: FamilyBatch, batch_idx: int) -> Tensor:
        """The log ratio to the skeleton, of one family."""
        steps = max(1, self.steps * (1 + self.global_step % 3) // 2)
        objective, x0 = batch.objective, batch.x0
        with torch.no_grad():
            reference = unroll(self.optimizer.skeleton(), objective, x0, 2 * steps)
        trajectory = self.unroll_training(self.optimizer, objective, x0, steps)
        least, start = reference.values.min(dim=0).values, reference.values[0]
        ours = self._log(trajectory.values[1:], least, start)
        theirs = self._log(reference.values[1 : steps + 1], least, start)
        ratio = ours - theirs
        ratio = torch.where(ratio > _LIMIT, _LIMIT + torch.log1p(ratio - _LIMIT), ratio)
        by_problem = ratio.mean(dim=0)
        sound = by_problem.isfinite()
        loss = torch.where(sound, by_problem, torch.zeros_like(by_problem)).mean()
        self.log("train/meta_loss", loss, prog_bar=True)
        cost = trajectory.evaluations[-1].double().mean() / (steps + 2)
        self.log("train/evaluations_a_step", cost.float())
        return loss

    def on_validation_epoch_start(self) -> None:
        """Nothing measured yet."""
        self._ratios: list[Tensor] = []

    def validation_step(self, batch: FamilyBatch, batch_idx: int) -> None:
        """The trained optimiser and its skeleton, at equal evaluations."""
        objective, x0 = batch.objective, batch.x0
        budget = 2 * self.steps
        theirs = unroll(self.optimizer.skeleton(), objective, x0, 2 * budget)
        ours = unroll(self.unroll.guarded(self.optimizer), objective, x0, budget)
        least = torch.minimum(theirs.values.min(0).values, ours.values.min(0).values)
        start = theirs.values[0]
        difference = [
            self._log(_bought(ours, count), least, start)
            - self._log(_bought(theirs, count), least, start)
            for count in (self.steps // 2, self.steps, budget)
        ]
        ratio = torch.stack(difference).clamp(-5, 5).mean() / math.log(10)
        self._ratios.append(ratio)
        name = batch.family.replace(" ", "_")
        self.log(f"val/{name}_{x0.shape[1]}", ratio.float(), batch_size=len(x0))

    def on_validation_epoch_end(self) -> None:
        """The mean over families and sizes selects the checkpoint."""
        mean = torch.stack(self._ratios).mean().float()
        self.log("val/log_ratio", mean, prog_bar=True)

    def on_test_epoch_start(self) -> None:
        """No curves yet."""
        self.curves = {}
        self.curves_note = (
            "By evaluations (gradients and Hessian-vector products) after the start's, at most "
            f"{self.test_steps} steps. f* is the least value that any solver found."
        )

    def test_step(self, batch: FamilyBatch, batch_idx: int) -> None:
        """Suboptimality by evaluations, of every solver."""
        solvers = {
            "L-SR1": self.unroll.guarded(self.optimizer),
            "its skeleton": self.optimizer.skeleton(),
            **self.baselines,
        }
        paths = {
            name: unroll(solver, batch.objective, batch.x0, self.test_steps)
            for name, solver in solvers.items()
        }
        values = [path.values.nan_to_num(nan=torch.inf) for path in paths.values()]
        least = torch.stack([value.min(dim=0).values for value in values]).min(dim=0).values
        title = f"{batch.family}, N={batch.x0.shape[1]}: {_SUBOPTIMALITY}"
        self.curves[title] = {
            name: [
                float(self._log(_bought(path, count), least, path.values[0]).median()) / 2.302585
                for count in range(self.test_steps + 1)
            ]
            for name, path in paths.items()
        }
        key = batch.family.replace(" ", "_")
        for name, curve in self.curves[title].items():
            self.log(f"test/{key}_{batch.x0.shape[1]}/{name}", curve[-1], batch_size=len(batch.x0))

    def _log(self, values: Tensor, least: Tensor, start: Tensor) -> Tensor:
        return (_relative(values, least, start) + self.floor).log()


def _relative(values: Tensor, least: Tensor, start: Tensor) -> Tensor:
    """(f - f*) / (f_0 - f*), not below 0; 0 where the start is the minimiser."""
    span = start - least
    sound = span > 0
    relative = (values - least) / torch.where(sound, span, torch.ones_like(span))
    return torch.where(sound, relative, torch.zeros_like(relative)).clamp_min(0)


def _bought(path: Trajectory, budget: int) -> Tensor:
    return value_after(path.values, path.evaluations, budget)
