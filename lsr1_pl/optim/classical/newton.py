"""Newton's method (Eq. 16), with the full Hessian."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.errors import UserError
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState
from lsr1_pl.types import Evaluation, Objective


class Newton(BatchedOptimizer):
    """``x_k = x_{k-1} - learning_rate * H(x_{k-1})^-1 g_{k-1}``, in 1 + N evaluations a step.

    A problem whose Hessian is singular (to the solver: a pivot of exactly 0) or not finite stays
    where it is. Nothing keeps a step downhill: saddles and maxima attract as minima do.
    """

    def __init__(self, learning_rate: float = 1.0) -> None:
        if not learning_rate > 0:
            raise UserError(f"Newton learning_rate is {learning_rate}; it must be above 0")
        self.learning_rate = learning_rate

    def init(self, x: Tensor, evaluation: Evaluation) -> OptimizerState:
        """State at ``x`` (B, N)."""
        return OptimizerState(x, evaluation, evaluation.gradient, None, evaluations=_count(x, 0))

    def step(self, state: OptimizerState, objective: Objective) -> OptimizerState:
        """One Newton step; the Hessian is a constant to autograd."""
        x = state.iterate
        solution, info = torch.linalg.solve_ex(_hessian(x, objective), state.evaluation.gradient)
        solved = ((info == 0) & torch.isfinite(solution).all(dim=1)).unsqueeze(1)
        direction = torch.where(solved, solution, torch.zeros_like(solution))
        iterate = x - self.learning_rate * direction
        return OptimizerState(
            iterate,
            objective.evaluate(iterate),
            direction,
            None,
            evaluations=_count(x, 1 + x.shape[1]),
        )


def _hessian(x: Tensor, objective: Objective) -> Tensor:
    """(B, N, N), column by column."""
    basis = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    columns = [objective.hessian_vector_product(x, unit.expand_as(x)) for unit in basis]
    return torch.stack(columns, dim=2)


def _count(x: Tensor, evaluations: int) -> Tensor:
    return torch.full((len(x),), evaluations, dtype=torch.long, device=x.device)
