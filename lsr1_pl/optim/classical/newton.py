"""Newton's method with the full Hessian (Eq. 16)."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_positive
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


class Newton(BatchedOptimizer):
    """``x_k = x_{k-1} - learning_rate * H^-1 g``: towards any stationary point, maxima included.

    The Hessian is put together from N Hessian-vector products. Where it is singular, the problem
    stays where it is.
    """

    def __init__(self, learning_rate: float = 1.0) -> None:
        check_positive(self, learning_rate=learning_rate)
        self.learning_rate = learning_rate

    def init(self, x: Tensor, evaluation: Evaluation) -> OptimizerState:
        """State at ``x`` (B, N)."""
        none = torch.zeros_like(evaluation.value, dtype=torch.long)
        return OptimizerState(x, evaluation, evaluation.gradient, None, evaluations=none)

    def step(self, state: OptimizerState, objective: Objective) -> OptimizerState:
        """One step, of N + 1 gradients."""
        x, gradient = state.iterate, state.evaluation.gradient
        hessian = hessian_matrix(objective, x)
        solution, info = torch.linalg.solve_ex(hessian, gradient.unsqueeze(2))
        direction = solution.squeeze(2)
        solved = (info == 0) & direction.isfinite().all(dim=1)
        direction = torch.where(solved.unsqueeze(1), direction, torch.zeros_like(direction))
        iterate = x - self.learning_rate * direction
        evaluation = objective.evaluate(iterate)
        count = torch.full_like(evaluation.value, 1 + x.shape[1], dtype=torch.long)
        return OptimizerState(iterate, evaluation, direction, None, evaluations=count)


def hessian_matrix(objective: Objective, x: Tensor) -> Tensor:
    """(B, N, N): the Hessians at ``x`` (B, N), column by column."""
    identity = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    columns = [objective.hessian_vector_product(x, unit.expand_as(x)) for unit in identity]
    return torch.stack(columns, dim=2)
