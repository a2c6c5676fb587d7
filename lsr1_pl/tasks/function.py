"""Meta-training on functions (Section 5.1), of any optimiser that speaks the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import isabstract
from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import BatchedOptimizer, SecantPenalty
from lsr1_pl.tasks.by_steps import BySteps
from lsr1_pl.tasks.evaluation import (
    EvaluationRun,
    FunctionBatch,
    FunctionEvaluation,
    Trained,
    knowing,
)
from lsr1_pl.tasks.former import takes_former_keywords
from lsr1_pl.tasks.meta import MetaTask, mean_secant_residual
from lsr1_pl.tasks.meta_losses import MeanValue, MetaLoss
from lsr1_pl.tasks.strategies import PersistentStrategies, PersistentUnrolls
from lsr1_pl.tasks.unrolling import Unroll


@takes_former_keywords(
    *("optimizer", "steps", "penalty", "meta_optimizer", "lr_scheduler", "second_order"),
    *("clip_sample_gradient", "divergence_limit", "freeze_norm_after", "meta_loss", "safeguard"),
    *("truncate_every", "test_steps", "test_buffer_sizes", "baselines"),
)
class FunctionTask(MetaTask):
    """A learned optimiser on batches of functions, with the meta-loss of Eq. 9 unless told else.

    A batch is anything with ``x0``, B start points, and ``objective``; it may have ``family``, a
    name for the logs.

    Args:
        optimizer: what to train: an ``nn.Module`` with ``init`` and ``step``, as
            :class:`lsr1_pl.optim.BatchedOptimizer` describes them.
        unroll: the inner steps, and how the meta-gradient flows through them.
        penalty: the secant penalty; weight 0 is the paper's variant without the projection.
        meta_optimizer: AdamW(1e-4, (0.9, 0.999), weight decay 0.01) in the paper.
        lr_scheduler: none in the paper.
        loss: what an unroll costs, before the penalty.
        evaluate: how it is validated and tested.
        strategies: evolution strategies that estimate the meta-gradient; None backpropagates
            through the unroll.

    Raises:
        UserError: the optimiser is no such module, or lacks what loss, evaluation or strategies
            need.
    """

    optimizer: Any
    """What is trained."""
    _run: EvaluationRun

    def __init__(
        self,
        optimizer: nn.Module | BatchedOptimizer,
        unroll: Unroll = Unroll(),  # noqa: B008
        penalty: SecantPenalty = SecantPenalty(100.0),
        # Short enough for jsonargparse to read: the rest is AdamW's own default.
        meta_optimizer: OptimizerCallable = lambda p: torch.optim.AdamW(p, lr=1e-4),
        lr_scheduler: LRSchedulerCallable | None = None,
        loss: MetaLoss = MeanValue(),  # noqa: B008
        evaluate: FunctionEvaluation = BySteps(),  # noqa: B008
        strategies: PersistentStrategies | None = None,
    ) -> None:
        super().__init__(unroll, penalty, meta_optimizer, lr_scheduler)
        self._check_part("loss", loss, MetaLoss)
        self._check_part("evaluate", evaluate, FunctionEvaluation)
        self._check_optimizer(optimizer)
        loss.check(optimizer)
        evaluate.check(optimizer)
        self.optimizer = optimizer
        self.loss = loss
        self.evaluate = evaluate
        self._unrolls: PersistentUnrolls | None = None
        if strategies is not None:
            self._check_part("strategies", strategies, PersistentStrategies)
            self._unrolls = strategies.unrolls(self._trained(), loss)

    def _check_part(self, name: str, given: object, kind: type[object]) -> None:
        if not isinstance(given, kind):
            known = ", ".join(f"{each.__name__}(...)" for each in _whole_classes(kind))
            raise UserError(
                f"{type(self).__name__} {name} is {given!r}; expected one of {known}, or a "
                f"{kind.__name__} of yours"
            )

    def _check_optimizer(self, optimizer: object) -> None:
        needed = ("init", "step", *(("moved",) if self.unroll.safeguard else ()))
        missing = [name for name in needed if not callable(getattr(optimizer, name, None))]
        lacks = f"has no {' and no '.join(missing)}" if missing else "is no torch.nn.Module"
        if missing or not isinstance(optimizer, nn.Module):
            raise UserError(
                f"{type(self).__name__} optimizer is {type(optimizer).__name__}, which {lacks}; "
                "expected a torch.nn.Module with the methods init and step of "
                "lsr1_pl.optim.BatchedOptimizer"
            )

    def training_step(self, batch: FunctionBatch, batch_idx: int) -> Tensor:
        """The meta-loss of one batch, plus the weighted secant penalty."""
        if self._unrolls is not None:
            return self._estimated(self._unrolls, batch)
        self.freeze_norms(self.optimizer)
        size, steps = len(batch.x0), self.unroll.steps_at(self.global_step)
        optimizer = knowing(self.optimizer, batch)
        path = self.unroll_training(optimizer, batch.objective, batch.x0, steps)
        loss, logged = self.loss.measure(path, batch.objective, optimizer)
        if path.secant_residuals is not None:
            secant = mean_secant_residual(path)
            self.log("train/secant_residual", secant, batch_size=size)
            if self.penalty.weight > 0:
                loss = loss + self.penalty.weight * secant
        self.log("train/meta_loss", loss, prog_bar=True, batch_size=size)
        for name, value in logged.items():
            self.log(f"train/{name}", value, batch_size=size)
        return loss

    def _estimated(self, unrolls: PersistentUnrolls, batch: FunctionBatch) -> Tensor:
        """The loss of one window, whose gradient is what the strategies estimate."""
        rank = 0 if self._trainer is None else self.global_rank
        estimate = unrolls.estimate(batch, rank, self.global_step)
        self.inner_steps = estimate.inner_steps
        self.log("train/meta_loss", estimate.loss, prog_bar=True, batch_size=len(batch.x0))
        self.log("train/evaluations_a_step", estimate.evaluations_a_step, batch_size=len(batch.x0))
        along = torch.stack(
            [
                (parameter * gradient).sum()
                for parameter, gradient in zip(unrolls.parameters, estimate.gradients, strict=True)
            ]
        ).sum()
        return estimate.loss + (along - along.detach())

    def on_validation_epoch_start(self) -> None:
        """Nothing measured yet."""
        self._run = self.evaluate.validation(self._trained())

    def validation_step(self, batch: FunctionBatch, batch_idx: int) -> None:
        """The problems of one batch of the validation set."""
        self._run.add(batch)

    def on_validation_epoch_end(self) -> None:
        """Curves and logs over all problems of the validation set."""
        self._finish()

    def on_test_epoch_start(self) -> None:
        """Nothing measured yet."""
        self._run = self.evaluate.test(self._trained())

    def test_step(self, batch: FunctionBatch, batch_idx: int) -> None:
        """The problems of one batch of the test set."""
        self._run.add(batch)

    def on_test_epoch_end(self) -> None:
        """Curves and logs over all problems of the test set."""
        self._finish()

    def _trained(self) -> Trained:
        return Trained(self.optimizer, self.unroll, self.penalty)

    def _finish(self) -> None:
        measured = self._run.measured()
        self.curves, self.curves_note = measured.curves, measured.note
        self.curves_unit = measured.unit
        for name, value in measured.logged.items():
            self.log(name, value, prog_bar=name == measured.main)


def _whole_classes(kind: type[object]) -> Iterator[type[object]]:
    """Those below ``kind`` that objects can be made of."""
    for each in kind.__subclasses__() or (kind,):
        yield from _whole_classes(each) if isabstract(each) else (each,)
