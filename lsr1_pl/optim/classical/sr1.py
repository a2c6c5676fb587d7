"""Symmetric rank one (Algorithm 3 of the paper's appendix)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lsr1_pl.ground.precision import full_precision
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_fraction, check_positive
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


@dataclass(frozen=True)
class SR1State(OptimizerState):
    """SR1's state: the inverse Hessian's estimate B (B, N, N)."""

    inverse_hessian: Tensor


class SR1(BatchedOptimizer):
    """``x_k = x_{k-1} - learning_rate * B g`` with ``B <- B + r r^T / (r . q)``, r = p - B q.

    The update is skipped where ``|r . q| < skip * |r| |q|`` (r orthogonal to q, line 3). B need
    not be positive definite, so steps may go uphill. With unit steps and no skipped update it
    minimises a quadratic in N + 1 steps.

    Args:
        learning_rate: > 0.
        skip: threshold of the skip rule, in [0, 1); 1e-8 is Nocedal and Wright's.
        initial_curvature: > 0, the factor of B0 = initial_curvature * I.
    """

    def __init__(
        self, learning_rate: float = 1.0, skip: float = 1e-8, initial_curvature: float = 1.0
    ) -> None:
        check_positive(self, learning_rate=learning_rate, initial_curvature=initial_curvature)
        check_fraction(self, skip=skip)
        self.learning_rate = learning_rate
        self.skip = skip
        self.initial_curvature = initial_curvature

    def init(self, x: Tensor, evaluation: Evaluation) -> SR1State:
        """State at ``x`` (B, N), with B a multiple of the identity."""
        start = self.initial_curvature * identities(x)
        return SR1State(x, evaluation, evaluation.gradient, torch.zeros_like(x[:, 0]), start)

    def step(self, state: SR1State, objective: Objective) -> SR1State:
        """One step, then the update of B."""
        direction = times(state.inverse_hessian, state.evaluation.gradient)
        iterate = state.iterate - self.learning_rate * direction
        after = replace(state, direction=direction)
        return self.moved(state, after, iterate, objective.evaluate(iterate))

    def moved(
        self, before: SR1State, after: SR1State, iterate: Tensor, evaluation: Evaluation
    ) -> SR1State:
        """B updated by the step that was taken."""
        p, q = iterate - before.iterate, evaluation.gradient - before.evaluation.gradient
        inverse = sr1_update(before.inverse_hessian, p, q, self.skip)
        residual = (p - times(inverse, q)).square().sum(dim=1)
        return SR1State(iterate, evaluation, after.direction, residual, inverse)


def sr1_update(inverse: Tensor, p: Tensor, q: Tensor, skip: float) -> Tensor:
    """(B, N, N): Algorithm 3, for ``inverse`` (B, N, N) and pairs p, q (B, N)."""
    r = p - times(inverse, q)
    product = (r * q).sum(dim=1)
    accepted = product.abs() > skip * r.norm(dim=1) * q.norm(dim=1)
    safe = torch.where(accepted, product, torch.ones_like(product))
    scaled = torch.where(accepted.unsqueeze(1), r / safe.unsqueeze(1), torch.zeros_like(r))
    return inverse + scaled.unsqueeze(2) * torch.where(
        accepted.unsqueeze(1), r, torch.zeros_like(r)
    ).unsqueeze(1)


def identities(x: Tensor) -> Tensor:
    """(B, N, N): an identity for each problem of ``x`` (B, N)."""
    return torch.eye(x.shape[1], dtype=x.dtype, device=x.device).repeat(x.shape[0], 1, 1)


def times(matrix: Tensor, vector: Tensor) -> Tensor:
    """(B, N): matrices (B, N, N) times vectors (B, N)."""
    with full_precision(matrix):
        return torch.bmm(matrix, vector.unsqueeze(2)).squeeze(2)
