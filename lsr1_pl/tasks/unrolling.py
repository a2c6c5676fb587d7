"""The unroll that a meta-training learns through, as one object that every task takes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.optim import BatchedOptimizer, Safeguarded, SecantPenalty, Trajectory, unroll


@dataclass(frozen=True)
class Unroll:
    """K steps of an optimiser, and how the meta-gradient flows back through them.

    Args:
        steps: K, at least 1.
        second_order: whether the meta-gradient flows through the inner gradients too; without it
            they are constants.
        clip_sample_gradient: the norm, divided by the number of problems, to which the
            meta-gradient that arrives at an iterate is clipped, problem by problem; above 0, or
            None for no clipping.
        divergence_limit: a problem stays where it is once its value exceeds
            ``f_0 + divergence_limit * (1 + |f_0|)``; 0 or more, or None for no limit.
        truncate_every: the meta-gradient is cut after every so many steps, at least 1; never if
            None.
        detach_iterates: whether each point, once reached, is a constant to the steps that follow;
            the vectors of B are not.
        freeze_norm_after: the iteration from which the optimiser's BatchNorms train as they are
            evaluated, on their running statistics; 0 or more, never if None. Until then each
            inner step is normalised by its own batch, which no evaluation does.
        safeguard: whether every step is guarded, in training and evaluation; see
            :class:`lsr1_pl.optim.Safeguarded`.
        vary_steps: whether training takes half of K steps, all of them, and thrice a half in turn.

    Raises:
        UserError: a number is out of its range.
    """

    steps: int = 16
    second_order: bool = True
    clip_sample_gradient: float | None = 1.0
    divergence_limit: float | None = 10.0
    truncate_every: int | None = None
    detach_iterates: bool = False
    freeze_norm_after: int | None = None
    safeguard: bool = False
    vary_steps: bool = False

    def __post_init__(self) -> None:
        self._check("steps", self.steps >= 1, "at least 1")
        clip, limit = self.clip_sample_gradient, self.divergence_limit
        self._check("clip_sample_gradient", clip is None or clip > 0, "above 0, or null")
        self._check("divergence_limit", limit is None or limit >= 0, "0 or more, or null")
        every, after = self.truncate_every, self.freeze_norm_after
        self._check("truncate_every", every is None or every >= 1, "at least 1, or null")
        self._check("freeze_norm_after", after is None or after >= 0, "0 or more, or null")

    def _check(self, name: str, sound: bool, expected: str) -> None:
        if not sound:
            raise UserError(f"Unroll {name} is {getattr(self, name)}; it must be {expected}")

    def steps_at(self, iteration: int) -> int:
        """The steps of a training iteration: K, unless they vary."""
        return max(1, self.steps * (1 + iteration % 3) // 2) if self.vary_steps else self.steps

    def guarded(self, optimizer: BatchedOptimizer) -> BatchedOptimizer:
        """The optimiser with every step guarded, if ``safeguard`` is set; else as it is."""
        guards = getattr(optimizer, "guards_itself", False)
        return Safeguarded(optimizer) if self.safeguard and not guards else optimizer

    def run(
        self,
        optimizer: BatchedOptimizer,
        objective: Objective,
        x0: Tensor,
        penalty: SecantPenalty,
        steps: int | None = None,
    ) -> Trajectory:
        """The training unroll from ``x0`` (B, N): K steps, or ``steps`` if given.

        Args:
            optimizer: takes the steps; it is guarded here if ``safeguard`` is set.
            objective: of the B problems.
            x0: start points.
            penalty: what the trajectory's ``secant_residuals`` record.
            steps: in place of K.
        """
        return unroll(
            self.guarded(optimizer),
            objective,
            x0,
            self.steps if steps is None else steps,
            second_order=self.second_order,
            clip_sample_gradient=self.clip_sample_gradient,
            divergence_limit=self.divergence_limit,
            truncate_every=self.truncate_every,
            detach_iterates=self.detach_iterates,
            penalty=penalty,
        )

    def freeze_norms(self, networks: torch.nn.Module, iteration: int) -> None:
        """BatchNorms of the networks into evaluation, once ``freeze_norm_after`` is reached."""
        if self.freeze_norm_after is not None and iteration >= self.freeze_norm_after:
            for module in networks.modules():
                if isinstance(module, torch.nn.BatchNorm1d):
                    module.eval()
