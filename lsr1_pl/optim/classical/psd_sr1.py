"""SR1 that stays positive semi-definite: L-SR1 without networks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts, check_positive
from lsr1_pl.optim.curvature import LowRankCurvature
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


@dataclass(frozen=True)
class PSDSR1State(OptimizerState):
    """PSD-SR1's state: B as L vectors."""

    curvature: LowRankCurvature


class PSDSR1(BatchedOptimizer):
    """``x_k = x_{k-1} - learning_rate * B g``, B = B0 + sum v v^T over the last L updates.

    ``v = r / sqrt(r . q)`` with ``r = p - B q``: SR1's update (Algorithm 3), taken only where
    ``r . q > 1e-8 |r| |q|``, so that B stays positive definite. Unit steps may go uphill; see
    :class:`lsr1_pl.optim.Safeguarded`.

    Args:
        buffer_size: L >= 1.
        learning_rate: > 0.
        initial_curvature: > 0, the factor of B0 = initial_curvature * I.
    """

    def __init__(
        self, buffer_size: int = 8, learning_rate: float = 1.0, initial_curvature: float = 1.0
    ) -> None:
        check_counts(self, buffer_size=buffer_size)
        check_positive(self, learning_rate=learning_rate, initial_curvature=initial_curvature)
        self.buffer_size = buffer_size
        self.learning_rate = learning_rate
        self.initial_curvature = initial_curvature

    def init(self, x: Tensor, evaluation: Evaluation) -> PSDSR1State:
        """State at ``x`` (B, N), with B a multiple of the identity."""
        curvature = LowRankCurvature.empty(x, self.buffer_size, self.initial_curvature)
        none = torch.zeros_like(evaluation.value)
        return PSDSR1State(x, evaluation, evaluation.gradient, none, curvature)

    def step(self, state: PSDSR1State, objective: Objective) -> PSDSR1State:
        """One step, then the update of B."""
        direction = state.curvature.matvec(state.evaluation.gradient)
        iterate = state.iterate - self.learning_rate * direction
        after = replace(state, direction=direction)
        return self.moved(state, after, iterate, objective.evaluate(iterate))

    def moved(
        self, before: PSDSR1State, after: PSDSR1State, iterate: Tensor, evaluation: Evaluation
    ) -> PSDSR1State:
        """B updated by the step that was taken."""
        p, q = iterate - before.iterate, evaluation.gradient - before.evaluation.gradient
        curvature = _updated(before.curvature, p, q)
        return replace(
            after,
            iterate=iterate,
            evaluation=evaluation,
            secant_residual=curvature.secant_residual(p, q),
            curvature=curvature,
        )


def _updated(curvature: LowRankCurvature, p: Tensor, q: Tensor) -> LowRankCurvature:
    vector = curvature.sr1_vector(p, q)
    pushed = curvature.push(vector)
    accepted = (vector != 0).any(dim=1).view(-1, 1, 1)
    return replace(pushed, vectors=torch.where(accepted, pushed.vectors, curvature.vectors))
