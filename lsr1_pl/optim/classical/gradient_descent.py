"""Gradient descent with a constant learning rate."""

from __future__ import annotations

from torch import Tensor

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_positive
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


class GradientDescent(BatchedOptimizer):
    """``x_k = x_{k-1} - learning_rate * g_{k-1}``."""

    def __init__(self, learning_rate: float = 0.4) -> None:
        check_positive(self, learning_rate=learning_rate)
        self.learning_rate = learning_rate

    def init(self, x: Tensor, evaluation: Evaluation) -> OptimizerState:
        """State at ``x`` (B, N)."""
        return OptimizerState(x, evaluation, evaluation.gradient, None)

    def step(self, state: OptimizerState, objective: Objective) -> OptimizerState:
        """One step along the negative gradient."""
        direction = state.evaluation.gradient
        iterate = state.iterate - self.learning_rate * direction
        return OptimizerState(iterate, objective.evaluate(iterate), direction, None)
