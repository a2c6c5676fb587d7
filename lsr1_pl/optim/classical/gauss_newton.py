"""The method of Gauss and Newton, for objectives that are made of residuals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import full_precision
from lsr1_pl.ground.types import Evaluation, GaussNewtonMatrix, Objective
from lsr1_pl.optim.checks import check_positive
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


class GaussNewton(BatchedOptimizer):
    """``x_k = x_{k-1} - learning_rate * H^-1 g``, with the Gauss-Newton matrix H of the objective.

    H is made of the first derivatives of the residuals, so it is positive semi-definite, and no
    step ascends at first. The objective says it by its method ``gauss_newton``, from x (B, N) to a
    :class:`lsr1_pl.ground.types.GaussNewtonMatrix`. Where H is singular, the problem stays where it
    is. A step counts as one gradient and those of H.

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

    @torch.no_grad()
    def inverse(self, x: Tensor, objective: Objective) -> GaussNewtonMatrix:
        """``learning_rate * H^-1`` at x (B, N), symmetric; zero where H is singular.

        Raises:
            UserError: the objective has no Gauss-Newton matrix.
        """
        matrix, gradients = gauss_newton_of(objective)(x.detach())
        with full_precision(matrix):
            factor, info = torch.linalg.cholesky_ex(matrix)
            solved = info == 0
            # Where there is no factor, ones stand in, so that the others are inverted.
            sound = torch.where(solved.view(-1, 1, 1), factor, torch.eye(x.shape[1]).to(factor))
            inverse = self.learning_rate * torch.cholesky_inverse(sound)
        solved = solved & inverse.isfinite().all(dim=2).all(dim=1)
        inverse = torch.where(solved.view(-1, 1, 1), inverse, torch.zeros_like(inverse))
        return GaussNewtonMatrix(inverse, gradients)


def gauss_newton_of(objective: Any) -> Callable[[Tensor], GaussNewtonMatrix]:
    """The objective's ``gauss_newton``.

    Raises:
        UserError: it has none.
    """
    found: Callable[[Tensor], GaussNewtonMatrix] | None = getattr(objective, "gauss_newton", None)
    if found is None:
        raise UserError(
            "GaussNewton needs an objective that shows its residuals (a method gauss_newton); "
            "call lsr1_pl.least_squares, or take an optimiser of gradients"
        )
    return found
