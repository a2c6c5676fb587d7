"""Meta-training on functions in closed form (Section 5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lsr1_pl.ground.choices import choices_checked
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.metrics.newton import HasNewtonDirection, newton_alignment
from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim import LSR1, BatchedOptimizer, SecantPenalty, unroll
from lsr1_pl.tasks.former import takes_former_keywords
from lsr1_pl.tasks.meta import MetaTask, mean_secant_residual
from lsr1_pl.tasks.unrolling import Unroll

_VALUE, _COSINE, _RESIDUAL = "value", "cosine with Newton direction", "secant residual"


class FunctionBatch(Protocol):
    """B problems, as the data modules of functions draw them."""

    @property
    def x0(self) -> Tensor:
        """(B, N) start points."""

    @property
    def objective(self) -> Objective:
        """Their objective."""


@runtime_checkable
class HasMinimum(Protocol):
    """An objective that knows its least value."""

    def minimum(self) -> Tensor:
        """(B,)."""
        ...


@takes_former_keywords(
    *("optimizer", "steps", "penalty", "meta_optimizer", "lr_scheduler", "second_order"),
    *("clip_sample_gradient", "divergence_limit", "freeze_norm_after", "meta_loss", "safeguard"),
    *("truncate_every", "test_steps", "test_buffer_sizes", "baselines"),
)
@choices_checked
class FunctionTask(MetaTask):
    """L-SR1 on batches of functions, with the meta-loss of Eq. 9.

    Validation runs the same K steps on the fixed set and logs, under ``val/``, the value at each
    inner step, its mean and standard deviation over the problems after the last one, the cosine
    of ``-d_k`` with the Newton direction (where the objective knows it), and the secant residual.
    Test runs ``test_steps`` with each of ``test_buffer_sizes`` and with each baseline.

    Args:
        optimizer: the L-SR1 to train.
        unroll: the inner steps, and how the meta-gradient flows through them.
        penalty: the secant penalty; weight 0 is the paper's variant without the projection.
        meta_optimizer: AdamW(1e-4, (0.9, 0.999), weight decay 0.01) in the paper.
        lr_scheduler: none in the paper.
        meta_loss: ``value`` is the paper's, the mean value over steps; ``suboptimality`` is the
            mean of ``(f - f*) / (f_0 - f*)``, which weighs every problem alike, for objectives
            that know their minimum.
        test_steps: inner steps of the test.
        test_buffer_sizes: the L of each test run; the trained one if empty.
        baselines: untrained optimisers to test beside it, by the name that tables show.
    """

    def __init__(
        self,
        optimizer: LSR1,
        unroll: Unroll = Unroll(),  # noqa: B008
        penalty: SecantPenalty = SecantPenalty(100.0),
        meta_optimizer: OptimizerCallable = lambda p: torch.optim.AdamW(
            p, lr=1e-4, betas=(0.9, 0.999), weight_decay=0.01
        ),
        lr_scheduler: LRSchedulerCallable | None = None,
        meta_loss: Literal["value", "suboptimality"] = "value",
        test_steps: int = 20,
        test_buffer_sizes: Sequence[int] = (1, 2, 4, 8),
        baselines: Mapping[str, BatchedOptimizer] | None = None,
    ) -> None:
        super().__init__(unroll, penalty, meta_optimizer, lr_scheduler)
        self.save_hyperparameters(
            ignore=["optimizer", "unroll", "penalty", "meta_optimizer", "lr_scheduler", "baselines"]
        )
        self.optimizer = optimizer
        self.meta_loss = meta_loss
        self.test_steps = test_steps
        self.test_buffer_sizes = tuple(test_buffer_sizes) or (optimizer.buffer_size,)
        self.baselines = dict(baselines or {})

    def training_step(self, batch: FunctionBatch, batch_idx: int) -> Tensor:
        """Eq. 9 on one batch: mean value over steps, plus the weighted secant penalty."""
        self.freeze_norms(self.optimizer)
        trajectory = self.unroll_training(self.optimizer, batch.objective, batch.x0)
        value = self._meta_value(trajectory.values, batch.objective)
        secant = mean_secant_residual(trajectory)
        loss = value + self.penalty.weight * secant
        self.log("train/meta_loss", loss, prog_bar=True)
        self.log("train/value", value)
        self.log("train/secant_residual", secant)
        return loss

    def validation_step(self, batch: FunctionBatch, batch_idx: int) -> None:
        """The trained K steps on the fixed validation set."""
        self._start_curves(batch, self.steps)
        self._record("L-SR1", self.unroll.guarded(self.optimizer), batch, self.steps, log_as="val")

    def test_step(self, batch: FunctionBatch, batch_idx: int) -> None:
        """``test_steps`` steps on the test set, for each buffer size and each baseline."""
        self._start_curves(batch, self.test_steps)
        for size in self.test_buffer_sizes:
            optimizer = self.unroll.guarded(self.optimizer.with_buffer_size(size))
            name, log_as = f"L-SR1, L={size}", f"test/buffer_{size}"
            self._record(name, optimizer, batch, self.test_steps, log_as=log_as)
        for name, baseline in self.baselines.items():
            self._record(name, baseline, batch, self.test_steps)
        if isinstance(batch.objective, Quadratic):
            minimum = batch.objective.minimum().mean().item()
            self.curves[_VALUE]["minimum"] = [minimum] * (self.test_steps + 1)

    def _meta_value(self, values: Tensor, objective: Objective) -> Tensor:
        """Scalar, of (K + 1, B) values."""
        if self.meta_loss == "value":
            return values[1:].mean()
        if not isinstance(objective, HasMinimum):
            raise UserError(
                f"FunctionTask meta_loss is suboptimality; {type(objective).__name__} does not "
                "know its minimum: take value"
            )
        least = objective.minimum()
        return ((values[1:] - least) / (values[0] - least).detach()).mean()

    def _start_curves(self, batch: FunctionBatch, steps: int) -> None:
        self.curves = {_VALUE: {}, _COSINE: {}, _RESIDUAL: {}}
        self.curves_note = (
            f"Means over {len(batch.x0)} fixed problems ({type(batch.objective).__name__}) of "
            f"N={batch.x0.shape[1]}, {steps} inner steps."
        )

    def _record(
        self,
        name: str,
        optimizer: BatchedOptimizer,
        batch: FunctionBatch,
        steps: int,
        *,
        log_as: str | None = None,
    ) -> None:
        """Run one solver into ``curves``, and into the logs under ``log_as`` if given."""
        objective = batch.objective
        trajectory = unroll(optimizer, objective, batch.x0, steps, penalty=self.penalty)
        self.curves[_VALUE][name] = trajectory.values.mean(dim=1).tolist()
        # A direction and a residual stand at the step that they made; the start has none.
        if isinstance(objective, HasNewtonDirection):
            cosines = newton_alignment(trajectory.iterates, trajectory.directions, objective)
            self.curves[_COSINE][name] = [float("nan"), *cosines.mean(dim=1).tolist()]
        if trajectory.secant_residuals is not None:
            residuals = trajectory.secant_residuals.mean(dim=1).tolist()
            self.curves[_RESIDUAL][name] = [float("nan"), *residuals]
        if log_as is not None:
            final = trajectory.values[-1]
            self.log(f"{log_as}/final_value", final.mean(), prog_bar=log_as == "val")
            self.log(f"{log_as}/final_value_std", final.std())
            self._log_curves(log_as, name)

    def _log_curves(self, prefix: str, name: str) -> None:
        for metric, key, first in (
            (_VALUE, "value", 0),
            (_COSINE, "newton_cosine", 1),
            (_RESIDUAL, "secant_residual", 1),
        ):
            curve = self.curves[metric].get(name, [])
            self.log_dict(
                {f"{prefix}/{key}_step_{k:02d}": curve[k] for k in range(first, len(curve))}
            )
