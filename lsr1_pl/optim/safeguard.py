"""A guard around any optimiser: no step may raise the value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.line_search import LineStep, armijo
from lsr1_pl.optim.protocol import (
    BatchedOptimizer,
    OptimizerState,
    all_finite,
    select_problems,
    select_rows,
)

_SUFFICIENT = 1e-4


@dataclass(frozen=True)
class SafeguardedState(OptimizerState):
    """The inner optimiser's state, and what the guard did."""

    inner: Any
    rate: Tensor
    """(B,) |step| over |g| of the last step that was taken: the length of a fallback."""


class Safeguarded(BatchedOptimizer):
    """``optimizer``, whose steps are shortened, or replaced, where the value would not fall.

    A problem's step s is taken as it is if it satisfies Armijo's condition, ``f(x + s) <= f +
    1e-4 g . s``. Else it backtracks along s, by quadratic interpolation; if s is no descent
    direction, or not finite, or leads nowhere lower, along the negative gradient, from the length
    of the last step. A problem that finds no lower value stays where it is. The value never rises,
    and a start that is finite stays finite. Every problem counts the evaluations of its own search.

    Args:
        optimizer: any optimiser that does not search for itself.
    """

    def __init__(self, optimizer: BatchedOptimizer) -> None:
        self.optimizer = optimizer

    def init(self, x: Tensor, evaluation: Evaluation) -> SafeguardedState:
        """State at ``x`` (B, N)."""
        rate = 1 / evaluation.gradient.abs().sum(dim=1).clamp_min(1.0)
        inner = self.optimizer.init(x, evaluation)
        calm = torch.zeros_like(rate, dtype=torch.bool)
        return self._state(inner, rate, calm, torch.zeros_like(rate, dtype=torch.long))

    def step(self, state: SafeguardedState, objective: Objective) -> SafeguardedState:
        """The inner step, where it is sound; a search elsewhere."""
        before = state.inner
        after = self.optimizer.step(before, objective)
        one = torch.ones_like(state.rate, dtype=torch.long)
        count = one if after.evaluations is None else after.evaluations
        gradient, value = state.evaluation.gradient, state.evaluation.value
        step = after.iterate - state.iterate
        slope = (gradient * step).sum(dim=1)
        finite = _finite(after)
        sound = finite & (slope < 0) & (after.evaluation.value <= value + _SUFFICIENT * slope)
        # A step of exactly zero at a stationary point needs no search.
        sound = sound | (finite & (step == 0).all(dim=1))
        if not bool(sound.all()):
            line = _searched(state, after, step, slope, sound, objective)
            other = self.optimizer.moved(before, after, line.iterate, line.evaluation)
            after = select_problems(sound, after, other)
            count = count + torch.where(sound, torch.zeros_like(one), line.evaluations)
        taken = (after.iterate - state.iterate).detach().norm(dim=1)
        rate = taken / gradient.detach().norm(dim=1)
        rate = torch.where((rate > 0) & rate.isfinite(), rate, state.rate)
        return self._state(after, rate, ~sound, count)

    def moved(
        self, before: Any, after: Any, iterate: Tensor, evaluation: Evaluation
    ) -> SafeguardedState:
        """As the inner optimiser has it."""
        inner = self.optimizer.moved(before.inner, after.inner, iterate, evaluation)
        return self._state(inner, after.rate, after.guarded, after.evaluations)

    def reevaluated(self, state: Any, evaluation: Evaluation) -> SafeguardedState:
        """As the inner optimiser has it."""
        inner = self.optimizer.reevaluated(state.inner, evaluation)
        return self._state(inner, state.rate, state.guarded, state.evaluations)

    def knowing(self, features: Tensor | None) -> Safeguarded:
        """As the inner optimiser has it."""
        return Safeguarded(self.optimizer.knowing(features))

    def at_rate(self, factor: float) -> Safeguarded:
        """As the inner optimiser has it."""
        return Safeguarded(self.optimizer.at_rate(factor))

    def _state(
        self, inner: OptimizerState, rate: Tensor, guarded: Tensor, count: Tensor
    ) -> SafeguardedState:
        return SafeguardedState(
            iterate=inner.iterate,
            evaluation=inner.evaluation,
            direction=inner.direction,
            secant_residual=inner.secant_residual,
            inner=inner,
            rate=rate,
            guarded=guarded,
            evaluations=count,
        )


def _finite(state: Any) -> Tensor:
    """(B,) whether point, value and gradient are; the value may be minus infinity."""
    value, gradient = state.evaluation
    return all_finite(state.iterate) & value.isfinite() & all_finite(gradient)


def _searched(
    state: SafeguardedState,
    after: Any,
    step: Tensor,
    slope: Tensor,
    sound: Tensor,
    objective: Objective,
) -> LineStep:
    """Along the step where it descends, else down the gradient; nowhere in sound problems."""
    gradient, value = state.evaluation.gradient, state.evaluation.value
    descends = all_finite(step) & (slope < 0)
    down, nowhere = -state.rate.unsqueeze(1) * gradient, torch.zeros_like(step)
    along = select_rows(sound, nowhere, select_rows(descends, step, down)).detach()
    # The whole step is known to fail: begin at the minimiser of the parabola through it.
    excess = after.evaluation.value - value - slope
    fitted = -slope / (2 * excess)
    fitted = torch.where(fitted.isfinite(), fitted, torch.full_like(fitted, 0.5)).clamp(0.1, 0.5)
    whole = torch.ones_like(fitted)
    first = torch.where(descends, fitted, whole).detach()
    line = armijo(objective, state.iterate, state.evaluation, along, first)
    # A step at nearly a right angle to the gradient descends, and may still lead nowhere.
    lost = ~sound & descends & (line.length == 0)
    if not bool(lost.any()):
        return line
    along = select_rows(lost, down, nowhere).detach()
    other = armijo(objective, state.iterate, state.evaluation, along, whole)
    count = line.evaluations + other.evaluations
    return select_problems(lost, other, line)._replace(evaluations=count)
