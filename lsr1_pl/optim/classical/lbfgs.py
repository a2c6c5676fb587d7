"""Limited-memory BFGS (Liu and Nocedal, 1989)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lsr1_pl.errors import UserError
from lsr1_pl.optim.line_search import SearchResult, armijo, fixed, strong_wolfe
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState
from lsr1_pl.types import Evaluation, Objective

_LEAST_CURVATURE = 1e-10


@dataclass(frozen=True)
class LBFGSState(OptimizerState):
    """L-BFGS's state: each problem's own last L accepted pairs, and the number of steps taken."""

    steps: Tensor
    """(B, L, N) the p, newest last; the places that no pair fills yet hold zeros."""
    changes: Tensor
    """(B, L, N) the q of the same pairs."""
    scale: Tensor
    """(B, 1) ``p . q / q . q`` of the newest pair; 1 before the first."""
    steps_taken: int


class LBFGS(BatchedOptimizer):
    """Two-loop recursion over each problem's own pairs (Nocedal and Wright, Algs. 7.4 and 7.5).

    A pair enters where ``p . q > 1e-10``; elsewhere that problem keeps its buffer as it is. The
    first trial step has length ``learning_rate * min(1, 1 / |g|_1)``, later ones ``learning_rate``.
    Without a line search it agrees with ``torch.optim.LBFGS``, iterate by iterate. B is never
    formed, and no secant residual is given.

    Args:
        history_size: L, the most pairs that are kept.
        line_search: "armijo", "strong_wolfe", or None to take every trial step.
    """

    def __init__(
        self,
        history_size: int = 8,
        line_search: Literal["armijo", "strong_wolfe"] | None = None,
        learning_rate: float = 1.0,
    ) -> None:
        if history_size < 1:
            raise UserError(f"LBFGS history_size is {history_size}; it must be 1 or more")
        if line_search not in ("armijo", "strong_wolfe", None):
            raise UserError(
                f'LBFGS line_search is {line_search!r}; it must be "armijo", "strong_wolfe" or None'
            )
        if not learning_rate > 0:
            raise UserError(f"LBFGS learning_rate is {learning_rate}; it must be above 0")
        self.history_size = history_size
        self.line_search = line_search
        self.learning_rate = learning_rate

    def init(self, x: Tensor, evaluation: Evaluation) -> LBFGSState:
        """State at ``x`` (B, N), without pairs."""
        empty = x.new_zeros((len(x), self.history_size, x.shape[1]))
        return LBFGSState(
            x,
            evaluation,
            evaluation.gradient,
            None,
            empty,
            empty,
            x.new_ones((len(x), 1)),
            0,
            evaluations=torch.zeros(len(x), dtype=torch.long, device=x.device),
        )

    def step(self, state: LBFGSState, objective: Objective) -> LBFGSState:
        """A step along ``-B g``, then the step's own pair into the buffers."""
        gradient = state.evaluation.gradient
        direction = two_loop(state, gradient)
        found = self._search(state, direction, objective)
        # Not the difference of the iterates, which loses digits near the minimiser.
        p, q = -found.length.unsqueeze(1) * direction, found.evaluation.gradient - gradient
        slope = (p * q).sum(dim=1, keepdim=True)
        accepted = slope > _LEAST_CURVATURE
        square = torch.where(accepted, q.square().sum(dim=1, keepdim=True), torch.ones_like(slope))
        return LBFGSState(
            found.iterate,
            found.evaluation,
            direction,
            None,
            _pushed(state.steps, p, accepted),
            _pushed(state.changes, q, accepted),
            torch.where(accepted, slope / square, state.scale),
            state.steps_taken + 1,
            evaluations=found.evaluations,
        )

    def _search(self, state: LBFGSState, direction: Tensor, objective: Objective) -> SearchResult:
        x, evaluation = state.iterate, state.evaluation
        length = x.new_full((len(x),), self.learning_rate)
        if state.steps_taken == 0:
            length = length * (1 / evaluation.gradient.detach().abs().sum(dim=1)).clamp_max(1)
        if self.line_search == "armijo":
            return armijo(objective, x, evaluation, direction, length)
        if self.line_search == "strong_wolfe":
            return strong_wolfe(objective, x, evaluation, direction, length)
        return fixed(objective, x, direction, length)


def two_loop(state: LBFGSState, y: Tensor) -> Tensor:
    """B y (B, N) for ``y`` (B, N), in O(L N)."""
    slopes = (state.steps * state.changes).sum(dim=2, keepdim=True)
    filled = slopes > 0
    # An empty place has weight 0 and so leaves its problem's vector as it is.
    weights = filled / torch.where(filled, slopes, torch.ones_like(slopes))
    pairs = list(
        zip(state.steps.unbind(1), state.changes.unbind(1), weights.unbind(1), strict=True)
    )
    coefficients = []
    for p, q, weight in reversed(pairs):
        coefficient = weight * (p * y).sum(dim=1, keepdim=True)
        y = y - coefficient * q
        coefficients.append(coefficient)
    y = state.scale * y
    for (p, q, weight), coefficient in zip(pairs, reversed(coefficients), strict=True):
        y = y + (coefficient - weight * (q * y).sum(dim=1, keepdim=True)) * p
    return y


def _pushed(buffer: Tensor, newest: Tensor, accepted: Tensor) -> Tensor:
    """(B, L, N) with ``newest`` (B, N) in the problems where ``accepted`` (B, 1)."""
    pushed = torch.cat([buffer[:, 1:], newest.unsqueeze(1)], dim=1)
    return torch.where(accepted.unsqueeze(2), pushed, buffer)
