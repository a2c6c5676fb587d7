"""BFGS on the inverse Hessian (Algorithm 2 of the paper's appendix)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from lsr1_pl.ground.choices import choices_checked
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_positive
from lsr1_pl.optim.classical.sr1 import identities, times
from lsr1_pl.optim.line_search import LineStep, armijo
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState

_LEAST_CURVATURE = 1e-10


@dataclass(frozen=True)
class BFGSState(OptimizerState):
    """BFGS's state: the inverse Hessian's estimate B (B, N, N)."""

    inverse_hessian: Tensor


@choices_checked
class BFGS(BatchedOptimizer):
    """``x_k = x_{k-1} - alpha B g`` with the BFGS update of B, B0 = I.

    The update is skipped where ``p . q`` is not safely positive, so that B stays positive
    definite.

    Args:
        line_search: how alpha is chosen. ``armijo`` (line 5 of Algorithm 2); ``exact`` is
            ``g . d / d . H d`` by one Hessian-vector product, exact on quadratics; None takes
            ``learning_rate``.
        learning_rate: > 0, the first trial of a search, or the step itself.
    """

    def __init__(
        self,
        line_search: Literal["armijo", "exact"] | None = "armijo",
        learning_rate: float = 1.0,
    ) -> None:
        check_positive(self, learning_rate=learning_rate)
        self.line_search = line_search
        self.learning_rate = learning_rate

    def init(self, x: Tensor, evaluation: Evaluation) -> BFGSState:
        """State at ``x`` (B, N), with B = I."""
        zeros = torch.zeros_like(x[:, 0])
        none = torch.zeros_like(zeros, dtype=torch.long)
        return BFGSState(x, evaluation, evaluation.gradient, zeros, identities(x), evaluations=none)

    def step(self, state: BFGSState, objective: Objective) -> BFGSState:
        """One step, then the update of B."""
        direction = times(state.inverse_hessian, state.evaluation.gradient)
        line = self._search(state, direction, objective)
        after = replace(state, direction=direction, evaluations=line.evaluations)
        return self.moved(state, after, line.iterate, line.evaluation)

    def moved(
        self, before: BFGSState, after: BFGSState, iterate: Tensor, evaluation: Evaluation
    ) -> BFGSState:
        """B updated by the step that was taken."""
        p, q = iterate - before.iterate, evaluation.gradient - before.evaluation.gradient
        inverse = bfgs_update(before.inverse_hessian, p, q)
        residual = (p - times(inverse, q)).square().sum(dim=1)
        return replace(
            after,
            iterate=iterate,
            evaluation=evaluation,
            secant_residual=residual,
            inverse_hessian=inverse,
        )

    def _search(self, state: BFGSState, direction: Tensor, objective: Objective) -> LineStep:
        x, value = state.iterate, state.evaluation.value
        first = torch.full_like(value, self.learning_rate)
        if self.line_search == "armijo":
            return armijo(objective, x, state.evaluation, -direction, first)
        count = torch.ones_like(value, dtype=torch.long)
        if self.line_search == "exact":
            product = objective.hessian_vector_product(x, direction)
            curvature = (direction * product).sum(dim=1)
            slope = (state.evaluation.gradient * direction).sum(dim=1)
            convex = curvature > 0
            safe = torch.where(convex, curvature, torch.ones_like(curvature))
            first = torch.where(convex, slope / safe, first)
            count = count + 1
        iterate = x - first.unsqueeze(1) * direction
        return LineStep(first, iterate, objective.evaluate(iterate), count)


def bfgs_update(inverse: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """(B, N, N): ``(I - p q^T / s) B (I - q p^T / s) + p p^T / s`` with s = p . q, or B if skipped.

    For ``inverse`` (B, N, N) and pairs p, q (B, N).
    """
    product = (p * q).sum(dim=1)
    accepted = product > _LEAST_CURVATURE * p.norm(dim=1) * q.norm(dim=1)
    safe = torch.where(accepted, product, torch.ones_like(product))
    rho = (accepted / safe).view(-1, 1, 1)
    Bq = times(inverse, q)
    factor = 1 + rho * (q * Bq).sum(dim=1).view(-1, 1, 1)
    outer = p.unsqueeze(2) * Bq.unsqueeze(1)
    change = rho * (factor * p.unsqueeze(2) * p.unsqueeze(1) - outer - outer.mT)
    return torch.where(accepted.view(-1, 1, 1), inverse + change, inverse)
