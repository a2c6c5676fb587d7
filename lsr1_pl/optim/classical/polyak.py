"""Gradient descent with Polyak's step size."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_positive
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


class PolyakDescent(BatchedOptimizer):
    """``x_k = x_{k-1} - relaxation * (f - lower_bound) / |g|^2 * g`` (Polyak, 1969).

    Args:
        relaxation: factor of the step that would reach the bound on a linear function, > 0.
        lower_bound: of the objective; a problem at or below it stays where it is.
    """

    def __init__(self, relaxation: float = 1.0, lower_bound: float = 0.0) -> None:
        check_positive(self, relaxation=relaxation)
        self.relaxation = relaxation
        self.lower_bound = lower_bound

    def init(self, x: Tensor, evaluation: Evaluation) -> OptimizerState:
        """State at ``x`` (B, N)."""
        return OptimizerState(x, evaluation, evaluation.gradient, None)

    def step(self, state: OptimizerState, objective: Objective) -> OptimizerState:
        """One step along the negative gradient."""
        value, gradient = state.evaluation
        square = gradient.square().sum(dim=1).clamp_min(torch.finfo(gradient.dtype).tiny)
        length = (value - self.lower_bound).clamp_min(0) / square
        direction = length.unsqueeze(1) * gradient
        iterate = state.iterate - self.relaxation * direction
        return OptimizerState(iterate, objective.evaluate(iterate), direction, None)
