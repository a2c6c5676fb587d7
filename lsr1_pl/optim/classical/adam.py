"""Adam (Kingma and Ba, 2014)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_fraction, check_positive
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


@dataclass(frozen=True)
class AdamState(OptimizerState):
    """Adam's state: the two moments, each (B, N), and the number of steps taken."""

    first_moment: Tensor
    second_moment: Tensor
    steps_taken: int


class Adam(BatchedOptimizer):
    """Algorithm 1 of the Adam paper; agrees with ``torch.optim.Adam`` problem by problem."""

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        check_positive(self, learning_rate=learning_rate, epsilon=epsilon)
        check_fraction(self, beta1=beta1, beta2=beta2)
        self.learning_rate = learning_rate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon

    def init(self, x: Tensor, evaluation: Evaluation) -> AdamState:
        """State at ``x`` (B, N), with both moments at zero."""
        zeros = torch.zeros_like(x)
        return AdamState(x, evaluation, evaluation.gradient, None, zeros, zeros, 0)

    def step(self, state: AdamState, objective: Objective) -> AdamState:
        """One bias-corrected step."""
        gradient, count = state.evaluation.gradient, state.steps_taken + 1
        first = self.beta1 * state.first_moment + (1 - self.beta1) * gradient
        second = self.beta2 * state.second_moment + (1 - self.beta2) * gradient.square()
        mean = first / (1 - self.beta1**count)
        # The square root has no slope at 0, where a gradient that is exactly 0 would put it.
        square = (second / (1 - self.beta2**count)).clamp_min(torch.finfo(second.dtype).tiny)
        direction = mean / (square.sqrt() + self.epsilon)
        iterate = state.iterate - self.learning_rate * direction
        evaluation = objective.evaluate(iterate)
        return AdamState(iterate, evaluation, direction, None, first, second, count)
