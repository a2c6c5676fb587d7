"""BFGS with a dense inverse Hessian (Nocedal and Wright, Section 6.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from lsr1_pl.errors import UserError
from lsr1_pl.optim.line_search import SearchResult, armijo, fixed
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState
from lsr1_pl.types import Evaluation, Objective

_SKIP = 1e-10


@dataclass(frozen=True)
class BFGSState(OptimizerState):
    """BFGS's state, with the inverse Hessian (B, N, N)."""

    inverse_hessian: Tensor


class BFGS(BatchedOptimizer):
    """Algorithm 2 from B0 = I, with the BFGS update of the inverse Hessian.

    The update is left out where ``p . q <= 1e-10 |p| |q|``, so that B stays positive definite.

    Args:
        line_search: "armijo" backtracks from ``learning_rate``; "exact" takes the minimiser
            ``g . d / d . H d`` of the quadratic model by one Hessian-vector product, exact on
            quadratics (which it solves within N steps), and ``learning_rate`` where ``d . H d``
            is not positive; None always takes ``learning_rate``.
    """

    def __init__(
        self,
        line_search: Literal["armijo", "exact"] | None = "armijo",
        learning_rate: float = 1.0,
    ) -> None:
        if line_search not in ("armijo", "exact", None):
            raise UserError(
                f'BFGS line_search is {line_search!r}; it must be "armijo", "exact" or None'
            )
        if not learning_rate > 0:
            raise UserError(f"BFGS learning_rate is {learning_rate}; it must be above 0")
        self.line_search = line_search
        self.learning_rate = learning_rate

    def init(self, x: Tensor, evaluation: Evaluation) -> BFGSState:
        """State at ``x`` (B, N), with B0 = I."""
        inverse = torch.eye(x.shape[1], dtype=x.dtype, device=x.device).repeat(len(x), 1, 1)
        return BFGSState(
            x,
            evaluation,
            evaluation.gradient,
            x.new_zeros(len(x)),
            inverse,
            evaluations=torch.zeros(len(x), dtype=torch.long, device=x.device),
        )

    def step(self, state: BFGSState, objective: Objective) -> BFGSState:
        """A step along ``-B g``, then B's update with the step's own pair."""
        gradient, inverse = state.evaluation.gradient, state.inverse_hessian
        direction = _times(inverse, gradient)
        found = self._search(state, direction, objective)
        p, q = found.iterate - state.iterate, found.evaluation.gradient - gradient
        inverse = updated(inverse, p, q)
        residual = (p - _times(inverse, q)).square().sum(dim=1)
        return BFGSState(
            found.iterate,
            found.evaluation,
            direction,
            residual,
            inverse,
            evaluations=found.evaluations,
        )

    def _search(self, state: BFGSState, direction: Tensor, objective: Objective) -> SearchResult:
        x = state.iterate
        if self.line_search == "armijo":
            return armijo(objective, x, state.evaluation, direction, self.learning_rate)
        length = x.new_full((len(x),), self.learning_rate)
        if self.line_search is None:
            return fixed(objective, x, direction, length)
        curvature = (direction * objective.hessian_vector_product(x, direction)).sum(dim=1)
        slope = (state.evaluation.gradient * direction).sum(dim=1)
        convex = curvature > 0
        length = torch.where(convex, slope / torch.where(convex, curvature, 1.0), length)
        found = fixed(objective, x, direction, length)
        return replace(found, evaluations=found.evaluations + 1)


def updated(inverse: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """``(I - r p q^T) B (I - r q p^T) + r p p^T`` with ``r = 1 / (p . q)`` (Eq. 6.17).

    B is (B, N, N), p and q (B, N).
    """
    slope = (p * q).sum(dim=1)
    used = slope > _SKIP * p.norm(dim=1) * q.norm(dim=1)
    r = (1 / torch.where(used, slope, torch.ones_like(slope))).view(-1, 1, 1)
    Bq = _times(inverse, q)
    stretch = 1 + r * (q * Bq).sum(dim=1).view(-1, 1, 1)
    mixed = p.unsqueeze(2) * Bq.unsqueeze(1)
    outer = p.unsqueeze(2) * p.unsqueeze(1)
    following = inverse - r * (mixed + mixed.transpose(1, 2)) + r * stretch * outer
    return torch.where(used.view(-1, 1, 1), following, inverse)


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return torch.bmm(matrix, vector.unsqueeze(2)).squeeze(2)
