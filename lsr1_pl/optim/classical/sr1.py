"""Symmetric rank one, with a dense inverse Hessian (Appendix F.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.errors import UserError
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState
from lsr1_pl.types import Evaluation, Objective


@dataclass(frozen=True)
class SR1State(OptimizerState):
    """SR1's state, with the inverse Hessian (B, N, N)."""

    inverse_hessian: Tensor


class SR1(BatchedOptimizer):
    """Algorithm 2 with the update of Algorithm 3 and steps of constant length.

    On a quadratic, with a learning rate of 1 and no update left out, it reaches the minimiser
    within N + 1 steps. B need not stay positive, so that a step may go uphill.

    Args:
        skip: the update is left out where ``|v . q| < skip * |v| |q|``, v being p - B q (Nocedal
            and Wright, Eq. 6.26).
        initial_curvature: the factor of B0 = initial_curvature * I.
    """

    def __init__(
        self, learning_rate: float = 1.0, skip: float = 1e-8, initial_curvature: float = 1.0
    ) -> None:
        if not learning_rate > 0:
            raise UserError(f"SR1 learning_rate is {learning_rate}; it must be above 0")
        if not 0 <= skip < 1:
            raise UserError(f"SR1 skip is {skip}; it must lie in [0, 1)")
        if not initial_curvature > 0:
            raise UserError(f"SR1 initial_curvature is {initial_curvature}; it must be above 0")
        self.learning_rate = learning_rate
        self.skip = skip
        self.initial_curvature = initial_curvature

    def init(self, x: Tensor, evaluation: Evaluation) -> SR1State:
        """State at ``x`` (B, N), with B0."""
        identity = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        inverse = (self.initial_curvature * identity).repeat(len(x), 1, 1)
        residual = x.new_zeros(len(x))
        return SR1State(x, evaluation, evaluation.gradient, residual, inverse)

    def step(self, state: SR1State, objective: Objective) -> SR1State:
        """A step along ``-B g``, then B's update with the step's own pair."""
        gradient, inverse = state.evaluation.gradient, state.inverse_hessian
        direction = _times(inverse, gradient)
        iterate = state.iterate - self.learning_rate * direction
        evaluation = objective.evaluate(iterate)
        p, q = iterate - state.iterate, evaluation.gradient - gradient
        inverse = updated(inverse, p, q, self.skip)
        residual = (p - _times(inverse, q)).square().sum(dim=1)
        return SR1State(iterate, evaluation, direction, residual, inverse)


def updated(inverse: Tensor, p: Tensor, q: Tensor, skip: float) -> Tensor:
    """``B + v v^T / (v . q)`` with ``v = p - B q`` (Eq. 22); B (B, N, N), p and q (B, N)."""
    v = p - _times(inverse, q)
    slope = (v * q).sum(dim=1)
    # v = 0 (B fits already) meets the rule with 0 >= 0; NaN never meets it.
    used = (slope.abs() >= skip * v.norm(dim=1) * q.norm(dim=1)) & (slope != 0)
    safe = torch.where(used, slope, torch.ones_like(slope)).view(-1, 1, 1)
    return torch.where(
        used.view(-1, 1, 1), inverse + v.unsqueeze(2) * v.unsqueeze(1) / safe, inverse
    )


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return torch.bmm(matrix, vector.unsqueeze(2)).squeeze(2)
