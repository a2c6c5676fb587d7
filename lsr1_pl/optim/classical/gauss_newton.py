"""The method of Gauss and Newton, for objectives that are made of residuals."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_positive
from lsr1_pl.optim.classical.gauss_newton_matrix import gauss_newton_of
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


class GaussNewton(BatchedOptimizer):
    """``x_k = x_{k-1} - learning_rate * H^-1 g``, with the Gauss-Newton matrix H of the objective.

    H is made of the first derivatives of the residuals, so it is positive semi-definite, and no
    step ascends at first. The objective says it by its method ``gauss_newton``, from x (B, N) to a
    :class:`lsr1_pl.optim.classical.gauss_newton_matrix.GaussNewtonMatrix`. Where H is singular, the
    problem stays where it is. A step counts as one gradient and those of H.

    Args:
        learning_rate: above 0; 1 is the whole step.

    Raises:
        UserError: a number is out of its range.
    """

    def __init__(self, learning_rate: float = 1.0) -> None:
        check_positive(self, learning_rate=learning_rate)
        self.learning_rate = learning_rate

    def init(self, x: Tensor, evaluation: Evaluation) -> OptimizerState:
        """State at ``x`` (B, N)."""
        none = torch.zeros_like(evaluation.value, dtype=torch.long)
        return OptimizerState(x, evaluation, evaluation.gradient, None, evaluations=none)

    def step(self, state: OptimizerState, objective: Objective) -> OptimizerState:
        """One step.

        Raises:
            UserError: the objective has no Gauss-Newton matrix.
        """
        inverse, gradients = self.inverse(state.iterate, objective)
        direction = torch.bmm(inverse, state.evaluation.gradient.unsqueeze(2)).squeeze(2)
        iterate = state.iterate - direction
        evaluation = objective.evaluate(iterate)
        count = torch.full_like(evaluation.value, 1 + gradients, dtype=torch.long)
        return OptimizerState(iterate, evaluation, direction, None, evaluations=count)

    def alone(self) -> BatchedOptimizer:
        """The same with whole steps: a part of one leaves the rest to whom it guides."""
        return self.at_rate(1 / self.learning_rate)

    @torch.no_grad()
    def inverse(self, x: Tensor, objective: Objective) -> tuple[Tensor, int]:
        """``learning_rate * H^-1`` at x (B, N): (B, N, N), and the gradients that H counts as.

        It is zero where H is singular.

        Raises:
            UserError: the objective has no Gauss-Newton matrix, or one that no problem can invert.
        """
        matrix = gauss_newton_of(objective)(x.detach())
        if matrix.shared is None and matrix.gradients < x.shape[1]:
            raise UserError(
                f"GaussNewton: {matrix.gradients} residuals cannot tell {x.shape[1]} variables; "
                "add a prior (of people: problem.prior_weight above 0)"
            )
        return self.learning_rate * matrix.inverse(), matrix.gradients
