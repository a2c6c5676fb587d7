"""Line searches over a batch: each problem has its own step, and its own count of evaluations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.protocol import alike, all_finite, select_problems, select_rows

_C1, _C2 = 1e-4, 0.9
_MOST_BACKTRACKS = 20
_PATIENT_BACKTRACKS = 6
"""After so many, trials shrink faster: a first trial may be too long by any factor."""
_CLOSE = 3
_MOST_WOLFE = 25


Inside = Callable[[Tensor], Tensor]
"""(B, N) points -> the nearest ones that are allowed."""


class LineStep(NamedTuple):
    """Where a line search ended."""

    length: Tensor
    """(B,) step lengths; 0 where the problem stays."""
    iterate: Tensor
    """(B, N)."""
    evaluation: Evaluation
    """The objective at ``iterate``."""
    evaluations: Tensor
    """(B,) int: evaluations that each problem needed for itself."""


class _Point(NamedTuple):
    """A point on each problem's line: x + t d."""

    t: Tensor
    iterate: Tensor
    evaluation: Evaluation
    slope: Tensor
    """(B,) directional derivative."""


def _at(
    objective: Objective, x: Tensor, t: Tensor, along: Tensor, inside: Inside | None = None
) -> _Point:
    iterate = x + t.unsqueeze(1) * along
    if inside is not None:
        iterate = inside(iterate)
    evaluation = objective.evaluate(iterate)
    return _Point(t, iterate, evaluation, (evaluation.gradient * along).sum(dim=1))


def _start(x: Tensor, evaluation: Evaluation, along: Tensor) -> _Point:
    slope = (evaluation.gradient * along).sum(dim=1)
    return _Point(torch.zeros_like(slope), x, evaluation, slope)


def _sufficient(point: _Point, start: _Point) -> Tensor:
    """(B,) Armijo's condition; false for values that are not finite."""
    bound = start.evaluation.value + _C1 * point.t * start.slope
    return (point.evaluation.value <= bound) & _finite(point)


def _visible(t: Tensor, start: _Point) -> Tensor:
    """(B,) whether the fall that a step t promises is more than the rounding of the value."""
    value = start.evaluation.value
    return -t * start.slope > torch.finfo(value.dtype).eps * value.abs()


def _contradicted(trial: _Point, start: _Point, number: int) -> Tensor:
    """(B,) whether a late trial is no lower although the slope leads down at both its ends.

    So close to the start, rounding decides what the value is.
    """
    if number < _CLOSE:
        return torch.zeros_like(trial.slope, dtype=torch.bool)
    down = trial.slope <= 0.25 * start.slope
    higher = trial.evaluation.value >= start.evaluation.value
    near = torch.finfo(trial.t.dtype).eps ** (1 / 3) * start.iterate.norm(dim=1)
    return down & higher & ((trial.iterate - start.iterate).norm(dim=1) <= near)


def _finite(point: _Point) -> Tensor:
    return point.evaluation.value.isfinite() & all_finite(point.evaluation.gradient)


def armijo(
    objective: Objective,
    x: Tensor,
    evaluation: Evaluation,
    along: Tensor,
    first: Tensor,
    inside: Inside | None = None,
) -> LineStep:
    """Backtrack from ``first`` (B,) along ``along`` (B, N) until the value falls enough.

    Sufficient decrease with c1 = 1e-4, quadratic interpolation clipped to [0.1, 0.5] of the last
    trial, from the seventh on to [0.001, 0.1]; at most 20 trials, and none that promises less than
    the value's rounding. A problem whose direction does not descend, or for which no trial was
    accepted, stays at ``x`` with step 0. With ``inside`` every trial is moved there before it is
    evaluated.
    """
    with torch.no_grad():
        found = _armijo(objective, *_constants(x, evaluation, along, first), inside)
    return _differentiable(found, objective, x, along, first, inside)


def _armijo(
    objective: Objective,
    x: Tensor,
    evaluation: Evaluation,
    along: Tensor,
    first: Tensor,
    inside: Inside | None,
) -> LineStep:
    start = _start(x, evaluation, along)
    best, t = start, first
    pending = start.slope < 0
    count = torch.zeros_like(t, dtype=torch.long)
    for number in range(_MOST_BACKTRACKS):
        if not bool(pending.any()):
            break
        trial = _at(objective, x, t, along, inside)
        count = count + pending
        accepted = pending & _sufficient(trial, start)
        best = select_problems(accepted, trial, best)
        pending = pending & ~accepted
        if alike(pending) is False:
            break
        least, most = (0.1, 0.5) if number < _PATIENT_BACKTRACKS else (1e-3, 0.1)
        excess = trial.evaluation.value - start.evaluation.value - t * start.slope
        fitted = -start.slope * t.square() / (2 * excess)
        fitted = torch.where(fitted.isfinite(), fitted, most * t)
        t = torch.where(pending, torch.maximum(torch.minimum(fitted, most * t), least * t), t)
        pending = pending & _visible(t, start) & ~_contradicted(trial, start, number)
    return LineStep(best.t, best.iterate, best.evaluation, count)


def strong_wolfe(
    objective: Objective, x: Tensor, evaluation: Evaluation, along: Tensor, first: Tensor
) -> LineStep:
    """A step of the strong Wolfe conditions (c1 = 1e-4, c2 = 0.9) along ``along`` (B, N).

    Bracketing and zoom (Nocedal and Wright, Algorithms 3.5 and 3.6) with cubic interpolation, at
    most 25 evaluations; then the best point of sufficient decrease stands in. A problem whose
    direction does not descend, or that has no such point, stays at ``x`` with step 0.
    """
    with torch.no_grad():
        found = _strong_wolfe(objective, *_constants(x, evaluation, along, first))
    return _differentiable(found, objective, x, along, first)


def _strong_wolfe(
    objective: Objective, x: Tensor, evaluation: Evaluation, along: Tensor, first: Tensor
) -> LineStep:
    start = _start(x, evaluation, along)
    low = high = best = start
    t = first
    bracketed = torch.zeros_like(start.slope, dtype=torch.bool)
    pending = start.slope < 0
    count = torch.zeros_like(t, dtype=torch.long)
    for _ in range(_MOST_WOLFE):
        if not bool(pending.any()):
            break
        trial = _at(objective, x, t, along)
        count = count + pending
        decreased = _sufficient(trial, start)
        flat = trial.slope.abs() <= -_C2 * start.slope
        done = pending & decreased & flat
        better = decreased & (trial.evaluation.value < best.evaluation.value)
        best = select_problems(pending & (done | better), trial, best)
        pending = pending & ~done
        # The minimum lies between low and trial if the value rose, or the slope turned.
        rose = ~decreased | (trial.evaluation.value >= low.evaluation.value)
        turned = ~rose & (trial.slope * torch.where(bracketed, high.t - low.t, t - low.t) >= 0)
        high = select_problems(pending & rose, trial, select_problems(pending & turned, low, high))
        low = select_problems(pending & ~rose, trial, low)
        bracketed = bracketed | (pending & (rose | turned))
        t = torch.where(pending, torch.where(bracketed, _between(low, high), 2 * t), t)
        pending = pending & (_visible(t, start) | (best.t > 0))
    return LineStep(best.t, best.iterate, best.evaluation, count)


def _constants(
    x: Tensor, evaluation: Evaluation, along: Tensor, first: Tensor
) -> tuple[Tensor, Evaluation, Tensor, Tensor]:
    """Without their history, which no_grad keeps of what it hands through."""
    value, gradient = evaluation
    if not any(each.requires_grad for each in (x, value, gradient, along, first)):
        return x, evaluation, along, first
    return x.detach(), Evaluation(value.detach(), gradient.detach()), along.detach(), first.detach()


def _differentiable(
    found: LineStep,
    objective: Objective,
    x: Tensor,
    along: Tensor,
    first: Tensor,
    inside: Inside | None = None,
) -> LineStep:
    """In grad mode, the accepted step again, as a function of ``x``, ``along`` and ``first``.

    The gradient does not run through the trials: a length that was searched for is a constant to
    it, and a first trial that was taken is ``first``. This one evaluation more is not counted,
    since no run without a meta-gradient needs it.
    """
    if not torch.is_grad_enabled():
        return found
    length = torch.where(found.length == first.detach(), first, found.length)
    step = length.unsqueeze(1) * along
    step = select_rows(found.length > 0, step, torch.zeros_like(along))
    iterate = x + step if inside is None else inside(x + step)
    return found._replace(length=length, iterate=iterate, evaluation=objective.evaluate(iterate))


def _between(low: _Point, high: _Point) -> Tensor:
    """(B,) the cubic's minimiser within the bracket, kept a tenth of it away from the ends."""
    width = high.t - low.t
    d1 = low.slope + high.slope - 3 * (high.evaluation.value - low.evaluation.value) / width
    root = (d1.square() - low.slope * high.slope).clamp_min(0).sqrt() * width.sign()
    cubic = high.t - width * (high.slope + root - d1) / (high.slope - low.slope + 2 * root)
    position = (cubic - low.t) / width
    middle = torch.full_like(position, 0.5)
    usable = position.isfinite() & _finite(high)
    return low.t + width * torch.where(usable, position.clamp(0.1, 0.9), middle)
