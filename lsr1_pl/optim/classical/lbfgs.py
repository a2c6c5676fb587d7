"""Limited-memory BFGS (Nocedal, 1980; Liu and Nocedal, 1989)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from lsr1_pl.ground.choices import choices_checked
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_positive
from lsr1_pl.optim.line_search import LineStep, armijo, strong_wolfe
from lsr1_pl.optim.pairs.secant_pairs import SecantPairs
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState

_LEAST_CURVATURE = 1e-10
_SEARCHES = {"armijo": armijo, "strong_wolfe": strong_wolfe}


@dataclass(frozen=True)
class LBFGSState(OptimizerState):
    """L-BFGS's state: the last pairs of each problem, newest last."""

    pairs: SecantPairs
    scale: Tensor
    """(B,) the factor of the initial inverse Hessian, ``p.q / q.q`` of the newest pair."""
    steps_taken: int


@choices_checked
class LBFGS(BatchedOptimizer):
    """The two-loop recursion over the last ``history_size`` pairs.

    Without search and with unit steps it takes the iterates of ``torch.optim.LBFGS``: the first
    step has length ``min(1, 1 / |g|_1)`` times ``learning_rate``. A pair is kept only if ``p . q >
    1e-10 |p| |q|``; torch's test, ``p . q > 1e-10``, would drop all pairs of a function that is
    small, or near its minimum. A search begins no shorter than rounding of x lets it see.

    Args:
        history_size: L >= 1.
        line_search: None, ``armijo`` or ``strong_wolfe``.
        learning_rate: > 0, the step, or the first trial of a search.
    """

    def __init__(
        self,
        history_size: int = 8,
        line_search: Literal["armijo", "strong_wolfe"] | None = None,
        learning_rate: float = 1.0,
    ) -> None:
        check_positive(self, learning_rate=learning_rate)
        if history_size < 1:
            raise UserError(f"LBFGS history_size is {history_size}; it must be at least 1")
        self.history_size = history_size
        self.line_search = line_search
        self.learning_rate = learning_rate

    def init(self, x: Tensor, evaluation: Evaluation) -> LBFGSState:
        """State at ``x`` (B, N), without pairs."""
        empty = SecantPairs.empty(x, self.history_size)
        ones = torch.ones_like(x[:, 0])
        none = torch.zeros_like(ones, dtype=torch.long)
        return LBFGSState(
            x, evaluation, evaluation.gradient, None, empty, ones, 0, evaluations=none
        )

    def step(self, state: LBFGSState, objective: Objective) -> LBFGSState:
        """One step, then the new pair."""
        gradient = state.evaluation.gradient
        direction = state.pairs.product(gradient, state.scale)
        length = torch.full_like(state.evaluation.value, self.learning_rate)
        if state.steps_taken == 0:
            length = length / gradient.abs().sum(dim=1).clamp_min(1.0)
            if self.line_search is not None:
                length = torch.maximum(length, _least_length(state))
        line = self._search(state, direction, length, objective)
        after = replace(state, direction=direction, evaluations=line.evaluations)
        return self.moved(state, after, line.iterate, line.evaluation)

    def moved(
        self, before: LBFGSState, after: LBFGSState, iterate: Tensor, evaluation: Evaluation
    ) -> LBFGSState:
        """With the pair of the step that was taken."""
        p = iterate - before.iterate
        q = evaluation.gradient - before.evaluation.gradient
        product = (p * q).sum(dim=1)
        q_square = q.square().sum(dim=1)
        kept = product > _LEAST_CURVATURE * p.norm(dim=1) * q_square.sqrt()
        return replace(
            after,
            iterate=iterate,
            evaluation=evaluation,
            pairs=before.pairs.push(p, q, kept),
            scale=torch.where(kept, product / torch.where(kept, q_square, 1), before.scale),
            steps_taken=before.steps_taken + 1,
        )

    def _search(
        self, state: LBFGSState, direction: Tensor, length: Tensor, objective: Objective
    ) -> LineStep:
        if self.line_search is not None:
            search = _SEARCHES[self.line_search]
            return search(objective, state.iterate, state.evaluation, -direction, length)
        iterate = state.iterate - length.unsqueeze(1) * direction
        one = torch.ones_like(length, dtype=torch.long)
        return LineStep(length, iterate, objective.evaluate(iterate), one)


def _least_length(state: LBFGSState) -> Tensor:
    """(B,) the length of a first step of the square root of the rounding of x."""
    x, gradient = state.iterate.detach(), state.evaluation.gradient.detach()
    slope = gradient.norm(dim=1)
    least = torch.finfo(x.dtype).eps ** 0.5 * x.norm(dim=1) / slope
    return torch.where(slope > 0, least, torch.zeros_like(least))
