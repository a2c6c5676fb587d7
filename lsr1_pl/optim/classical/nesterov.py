"""Gradient descent with Nesterov's momentum (Sutskever et al., 2013, as torch.optim.SGD has it)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_fraction, check_positive
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


@dataclass(frozen=True)
class NesterovState(OptimizerState):
    """Nesterov's state: the velocity (B, N)."""

    velocity: Tensor


class Nesterov(BatchedOptimizer):
    """``m_k = momentum * m_{k-1} + g``, ``x_k = x_{k-1} - learning_rate (g + momentum m_k)``."""

    def __init__(self, learning_rate: float = 1e-2, momentum: float = 0.9) -> None:
        check_positive(self, learning_rate=learning_rate)
        check_fraction(self, momentum=momentum)
        self.learning_rate = learning_rate
        self.momentum = momentum

    def init(self, x: Tensor, evaluation: Evaluation) -> NesterovState:
        """State at ``x`` (B, N), at rest."""
        return NesterovState(x, evaluation, evaluation.gradient, None, torch.zeros_like(x))

    def step(self, state: NesterovState, objective: Objective) -> NesterovState:
        """One step with the look-ahead momentum."""
        gradient = state.evaluation.gradient
        velocity = self.momentum * state.velocity + gradient
        direction = gradient + self.momentum * velocity
        iterate = state.iterate - self.learning_rate * direction
        return NesterovState(iterate, objective.evaluate(iterate), direction, None, velocity)
