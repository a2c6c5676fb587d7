"""L-SR1 whose newest vector is aimed: B takes the gradient where somebody proposes to go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts, check_fraction
from lsr1_pl.optim.curvature import LowRankCurvature, aimed_vector
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState, SecantState


class Standing(NamedTuple):
    """What a proposal of the next step can be made of."""

    state: OptimizerState
    remembered: Tensor
    """(B, N) the step that B0 and the vectors of earlier steps make from here."""


Propose = Callable[[Standing], Tensor]
"""Says a whole step (B, N)."""


class AimedLSR1(BatchedOptimizer):
    """L-SR1 whose newest vector makes ``-B_k g`` a proposed step.

    B0 and the vectors of earlier steps make a step already. What it lacks to the proposal is u, and
    ``v_k = u / sqrt(-u . g)``: then ``v_k v_k^T g = -u``, and ``-B_k g`` is the proposal. SR1's own
    vector is made in the same way, of what B q lacks to p. Where u does not descend there is no
    vector, and the remembered step is taken.

    ``B_k = B0 + sum v v^T`` over the last L vectors. B0 is zero, as line 9 of Algorithm 1 is
    printed, or what ``base`` says of the problems at x_{k-1}. So B_k is positive semi-definite
    whatever is proposed, no step ascends, and a proposal is remembered as curvature like any
    vector.

    Args:
        propose: says a step.
        buffer_size: L >= 1, how many vectors B keeps.
        least_cosine: in [0, 1), of the angle between u and -g: with less there is no vector. It
            bounds what a vector can make of later gradients: at most ``|u| / least_cosine`` of one
            that is as long as this one.

    Raises:
        UserError: a number is out of its range.
    """

    def __init__(
        self,
        propose: Propose,
        buffer_size: int = 4,
        least_cosine: float = 0.01,
        base: Callable[[OptimizerState], Tensor] | None = None,
    ) -> None:
        check_counts(self, buffer_size=buffer_size)
        check_fraction(self, least_cosine=least_cosine)
        self._propose = propose
        self._buffer_size = buffer_size
        self._least_cosine = least_cosine
        self._base = base

    def init(self, x: Tensor, evaluation: Evaluation) -> SecantState:
        """State at ``x`` (B, N): p = x, q = g, d = g and an empty buffer (line 1)."""
        return SecantState(
            iterate=x,
            evaluation=evaluation,
            direction=evaluation.gradient,
            secant_residual=None,
            previous_step=x,
            gradient_change=evaluation.gradient,
            curvature=LowRankCurvature.empty(x, self._buffer_size, scale=0.0),
            steps_taken=0,
        )

    def step(self, state: SecantState, objective: Objective) -> SecantState:
        """One step of ``-B_k g``."""
        gradient = state.evaluation.gradient
        before = state.curvature
        if self._base is not None:
            before = replace(before, scale=self._base(state))
        remembered = -before.push(torch.zeros_like(gradient)).matvec(gradient)
        lacking = self._propose(Standing(state, remembered)) - remembered
        vector = aimed_vector(-lacking, gradient, self._least_cosine)
        curvature = before.push(vector)
        direction = curvature.matvec(gradient)
        iterate = state.iterate - direction
        evaluation = objective.evaluate(iterate)
        return SecantState(
            iterate=iterate,
            evaluation=evaluation,
            direction=direction,
            secant_residual=None,
            previous_step=iterate - state.iterate,
            gradient_change=evaluation.gradient - gradient,
            curvature=curvature,
            steps_taken=state.steps_taken + 1,
        )

    def moved(
        self, before: SecantState, after: SecantState, iterate: Tensor, evaluation: Evaluation
    ) -> SecantState:
        """With p and q of the step that was taken."""
        return replace(
            after,
            iterate=iterate,
            evaluation=evaluation,
            previous_step=iterate - before.iterate,
            gradient_change=evaluation.gradient - before.evaluation.gradient,
        )
