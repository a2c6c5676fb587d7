"""Gradient descent with Nesterov's momentum (Sutskever et al., 2013)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.errors import UserError
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState
from lsr1_pl.types import Evaluation, Objective


@dataclass(frozen=True)
class NesterovState(OptimizerState):
    """Nesterov's state, with the velocity (B, N)."""

    velocity: Tensor


class Nesterov(BatchedOptimizer):
    """``m_k = momentum m_{k-1} + g_{k-1}``, then a step along ``-(g_{k-1} + momentum m_k)``.

    Agrees with ``torch.optim.SGD(nesterov=True)`` problem by problem.
    """

    def __init__(self, learning_rate: float, momentum: float = 0.9) -> None:
        if not learning_rate > 0:
            raise UserError(f"Nesterov learning_rate is {learning_rate}; it must be above 0")
        if not 0 <= momentum < 1:
            raise UserError(f"Nesterov momentum is {momentum}; it must lie in [0, 1)")
        self.learning_rate = learning_rate
        self.momentum = momentum

    def init(self, x: Tensor, evaluation: Evaluation) -> NesterovState:
        """State at ``x`` (B, N), at rest."""
        return NesterovState(x, evaluation, evaluation.gradient, None, torch.zeros_like(x))

    def step(self, state: NesterovState, objective: Objective) -> NesterovState:
        """One step along the gradient and the velocity after it."""
        gradient = state.evaluation.gradient
        velocity = self.momentum * state.velocity + gradient
        direction = gradient + self.momentum * velocity
        iterate = state.iterate - self.learning_rate * direction
        return NesterovState(iterate, objective.evaluate(iterate), direction, None, velocity)
