"""What every task shares that trains through K inner steps."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.optim import BatchedOptimizer, SecantPenalty, Trajectory
from lsr1_pl.tasks.former import takes_former_keywords
from lsr1_pl.tasks.guarded import GuardedTask
from lsr1_pl.tasks.unrolling import Unroll


class InnerSteps(NamedTuple):
    """What a training unroll did, for whoever watches: K steps on B problems, without a graph."""

    values: Tensor
    """(K + 1, B) objective values, the start's first."""
    guarded: Tensor | None
    """(K, B) bool: the steps that a safeguard changed; None without one."""


@takes_former_keywords(
    *("steps", "penalty", "meta_optimizer", "lr_scheduler", "second_order"),
    *("clip_sample_gradient", "divergence_limit", "freeze_norm_after", "truncate_every"),
)
class MetaTask(GuardedTask):
    """Base of the tasks that unroll an optimiser: K inner steps, guarded meta-steps.

    Args:
        unroll: the inner steps, and how the meta-gradient flows through them.
        penalty: the secant penalty of Eqs. 9 and 13.
        meta_optimizer: makes the meta-optimiser from the parameters.
        lr_scheduler: makes its learning-rate schedule, stepped once an iteration.
    """

    curves: dict[str, dict[str, list[float]]]
    """After an evaluation: metric -> solver -> its mean at each inner step, 0 to K."""
    curves_note: str
    """What was evaluated, and how: to be printed under any table of ``curves``."""
    curves_unit: str
    """What the numbers of a curve are counted in."""
    inner_steps: InnerSteps | None
    """What the last training batch did; None while none was unrolled."""

    def __init__(
        self,
        unroll: Unroll,
        penalty: SecantPenalty,
        meta_optimizer: OptimizerCallable,
        lr_scheduler: LRSchedulerCallable | None,
    ) -> None:
        super().__init__(meta_optimizer, lr_scheduler)
        for name, given, kind in (("unroll", unroll, Unroll), ("penalty", penalty, SecantPenalty)):
            if not isinstance(given, kind):
                raise UserError(
                    f"{type(self).__name__} {name} is {given!r}; expected {kind.__name__}(...)"
                )
        # Flat, so that loggers show each number and load_from_checkpoint finds it.
        self.save_hyperparameters(asdict(unroll))
        self.unroll = unroll
        self.penalty = penalty
        self.curves = {}
        self.curves_note = ""
        self.curves_unit = "inner step"
        self.inner_steps = None

    @property
    def steps(self) -> int:
        """K, the inner steps of the unroll."""
        return self.unroll.steps

    def unroll_training(
        self,
        optimizer: BatchedOptimizer,
        objective: Objective,
        x0: Tensor,
        steps: int | None = None,
    ) -> Trajectory:
        """The unroll with the meta-gradient that this task is configured for: K steps, or
        ``steps``."""
        trajectory = self.unroll.run(optimizer, objective, x0, self.penalty, steps)
        self.inner_steps = InnerSteps(trajectory.values.detach(), trajectory.guarded)
        return trajectory

    def freeze_norms(self, networks: torch.nn.Module) -> None:
        """Before an unroll: BatchNorms into evaluation, once ``freeze_norm_after`` is reached."""
        self.unroll.freeze_norms(networks, self.global_step)


def mean_secant_residual(trajectory: Trajectory) -> Tensor:
    """Scalar: the secant penalty, averaged over steps and problems; 0 for optimisers without B."""
    if trajectory.secant_residuals is None:
        return trajectory.values.new_zeros(())
    return trajectory.secant_residuals.mean()
