"""How far to go along a direction, problem by problem: backtracking and strong Wolfe searches.

Every search goes from ``x`` (B, N) along ``-direction`` (B, N), starts at the trial length
``length`` (a number or (B,)) and treats the lengths that it finds as constants to autograd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.optim.protocol import select_problems
from lsr1_pl.types import Evaluation, Objective

_DECREASE = 1e-4
_CURVATURE = 0.9
_ARMIJO_TRIES = 20
_WOLFE_TRIES = 25


@dataclass(frozen=True)
class SearchResult:
    """Where a search ended on B problems of N variables."""

    length: Tensor
    """(B,) step lengths; 0 where the problem stays."""
    iterate: Tensor
    """(B, N) ``x - length * direction``."""
    evaluation: Evaluation
    """The objective at ``iterate``."""
    evaluations: Tensor
    """(B,) int: evaluations that the problem itself needed, whatever its neighbours did."""


class _Point(NamedTuple):
    """A point ``x - length * direction`` and the objective there; ``slope`` is d value / d length."""

    length: Tensor
    value: Tensor
    slope: Tensor
    gradient: Tensor


class _Ray:
    """The objective along ``-direction``, seen from ``x``."""

    def __init__(
        self, objective: Objective, x: Tensor, evaluation: Evaluation, direction: Tensor
    ) -> None:
        self._objective = objective
        self._x = x
        self._direction = direction
        self.start = self._point(torch.zeros_like(evaluation.value), evaluation)

    def at(self, length: Tensor) -> _Point:
        """The points at ``length`` (B,)."""
        return self._point(length, self._objective.evaluate(self._reach(length)))

    def descends(self) -> Tensor:
        """(B,) whether the search can begin: a finite start and a finite negative slope."""
        return _is_finite(self.start) & (self.start.slope < 0)

    def decreases(self, trial: _Point) -> Tensor:
        """(B,) sufficient decrease (Nocedal and Wright, Eq. 3.6a); not at non-finite values."""
        bound = self.start.value + _DECREASE * trial.length * self.start.slope
        return _is_finite(trial) & (trial.value <= bound)

    def result(self, point: _Point, evaluations: Tensor) -> SearchResult:
        """The search's end at ``point``, differentiable in x and direction in grad mode."""
        iterate = self._reach(point.length)
        evaluation = Evaluation(point.value, point.gradient)
        # The search ran without a graph, lest a rejected trial's overflow reach the meta-gradient;
        # this second look at the same point makes one and is not counted.
        if torch.is_grad_enabled():
            evaluation = self._objective.evaluate(iterate)
        return SearchResult(point.length, iterate, evaluation, evaluations)

    def _reach(self, length: Tensor) -> Tensor:
        # A problem that stays may have a direction that is not finite: 0 times it would be NaN.
        column = length.unsqueeze(1)
        return torch.where(column > 0, self._x - column * self._direction, self._x)

    def _point(self, length: Tensor, evaluation: Evaluation) -> _Point:
        slope = -(evaluation.gradient * self._direction).sum(dim=1)
        return _Point(length, evaluation.value, slope, evaluation.gradient)


def fixed(objective: Objective, x: Tensor, direction: Tensor, length: Tensor) -> SearchResult:
    """No search: the step of ``length`` (B,), in one evaluation."""
    iterate = x - length.unsqueeze(1) * direction
    evaluations = torch.ones_like(length, dtype=torch.long)
    return SearchResult(length, iterate, objective.evaluate(iterate), evaluations)


def armijo(
    objective: Objective,
    x: Tensor,
    evaluation: Evaluation,
    direction: Tensor,
    length: Tensor | float = 1.0,
) -> SearchResult:
    """Backtrack until the decrease suffices (Nocedal and Wright, Alg. 3.1 and Eq. 3.58).

    The next trial minimises the parabola through what is known, clipped to [0.1, 0.5] times the
    last. A problem stays where no one of 20 trials is accepted or the direction does not descend.
    """
    with torch.no_grad():
        ray = _Ray(objective, x, evaluation, direction)
        active = ray.descends()
        best, trial_length, evaluations = _begin(ray, length)
        for _ in range(_ARMIJO_TRIES):
            if not active.any():
                break
            trial = ray.at(trial_length)
            evaluations = evaluations + active.long()
            accepted = active & ray.decreases(trial)
            best = select_problems(accepted, trial, best)
            active = active & ~accepted
            trial_length = _shorter(ray.start, trial)
    return ray.result(best, evaluations)


def strong_wolfe(
    objective: Objective,
    x: Tensor,
    evaluation: Evaluation,
    direction: Tensor,
    length: Tensor | float = 1.0,
) -> SearchResult:
    """Bracket and zoom to a strong Wolfe step (Nocedal and Wright, Algs. 3.5 and 3.6).

    A problem ends where the decrease suffices (c1 = 1e-4) and the slope has shrunk to 0.9 of the
    first in size; after 25 evaluations it takes the lowest point of sufficient decrease that it
    has seen, and stays where there is none or the direction does not descend.
    """
    with torch.no_grad():
        ray = _Ray(objective, x, evaluation, direction)
        active = ray.descends()
        # ``low`` is always the lowest point of sufficient decrease so far. ``other`` bounds the
        # interval from the far side once ``bracketed``; before, it is the low point before last.
        low, trial_length, evaluations = _begin(ray, length)
        other, bracketed = low, torch.zeros_like(active)
        for _ in range(_WOLFE_TRIES):
            if not active.any():
                break
            trial = ray.at(trial_length)
            evaluations = evaluations + active.long()
            lower = ray.decreases(trial) & (trial.value < low.value)
            far = torch.where(bracketed, other.length - low.length, torch.ones_like(low.length))
            crossed = lower & (trial.slope * far >= 0)
            replaced = select_problems(lower, low, trial)
            other = select_problems(active & (~lower | crossed | ~bracketed), replaced, other)
            low = select_problems(active & lower, trial, low)
            bracketed = bracketed | ~lower | crossed
            active = active & ~(lower & (trial.slope.abs() <= -_CURVATURE * ray.start.slope))
            trial_length = torch.where(bracketed, _between(low, other), _beyond(low, other))
    return ray.result(low, evaluations)


def _begin(ray: _Ray, length: Tensor | float) -> tuple[_Point, Tensor, Tensor]:
    zeros = ray.start.length
    return ray.start, zeros + length, torch.zeros_like(zeros, dtype=torch.long)


def _is_finite(point: _Point) -> Tensor:
    return torch.isfinite(point.value) & torch.isfinite(point.slope)


def _shorter(start: _Point, trial: _Point) -> Tensor:
    """(B,) the parabola's minimiser, clipped; a tenth where the trial is not finite."""
    length, rise = trial.length, trial.value - start.value
    parabola = -start.slope * length.square() / (2 * (rise - start.slope * length))
    usable = _is_finite(trial) & torch.isfinite(parabola)
    parabola = torch.where(usable, parabola, torch.zeros_like(parabola))
    return torch.maximum(torch.minimum(parabola, 0.5 * length), 0.1 * length)


def _between(low: _Point, other: _Point) -> Tensor:
    """(B,) the cubic's minimiser in the bracket; the middle where it lies near an end or fails."""
    cubic = _cubic_minimizer(other, low)
    width = (other.length - low.length).abs()
    middle = 0.5 * (low.length + other.length)
    return torch.where((cubic - middle).abs() <= 0.4 * width, cubic, middle)


def _beyond(low: _Point, previous: _Point) -> Tensor:
    """(B,) the cubic's minimiser past ``low``, within the bounds of More and Thuente (1994)."""
    cubic = _cubic_minimizer(previous, low)
    advance = low.length - previous.length
    nearest, farthest = low.length + 1.1 * advance, low.length + 4 * advance
    ahead = torch.where(cubic > low.length, cubic, farthest)
    return torch.maximum(torch.minimum(ahead, farthest), nearest)


def _cubic_minimizer(a: _Point, b: _Point) -> Tensor:
    """(B,) Nocedal and Wright, Eq. 3.59; NaN where the cubic has no minimum."""
    width = b.length - a.length
    inner = a.slope + b.slope - 3 * (b.value - a.value) / width
    root = width.sign() * (inner.square() - a.slope * b.slope).sqrt()
    return b.length - width * (b.slope + root - inner) / (b.slope - a.slope + 2 * root)
