"""Run an optimiser until every problem of a batch has ended, and say how each did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.optim.pairs import PairLSR1
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState, advance
from lsr1_pl.optim.safeguard import Safeguarded

_PATIENCE = 3


class Status(str, Enum):
    """How a problem ended."""

    CONVERGED = "converged"
    """Its gradient fell below ``tol`` times the start's, or was zero."""
    STALLED = "stalled"
    """Three steps in a row found no lower value: the minimum, as far as its precision shows it."""
    STOPPED = "stopped"
    """The steps were used up first."""


@dataclass(frozen=True)
class Minimum:
    """What :func:`minimize_batch` found for B problems."""

    x: Tensor
    """(B, N) the best points."""
    value: Tensor
    """(B,) the objective there, never above the start's."""
    status: list[Status]
    """B of them."""
    steps: Tensor
    """(B,) int: steps until the problem ended."""
    evaluations: Tensor
    """(B,) int: gradients and Hessian-vector products until then, the start's included."""
    values: Tensor
    """(K + 1, B) the best value so far, at each step."""
    iterates: Tensor | None
    """(K + 1, B, N) where they were, if they were asked for."""


def minimize_batch(
    optimizer: BatchedOptimizer,
    objective: Objective,
    x0: Tensor,
    steps: int,
    tol: float = 1e-8,
    *,
    keep_iterates: bool = False,
) -> Minimum:
    """At most ``steps`` safeguarded steps from ``x0`` (B, N); problems end one by one.

    The memory is that of the optimiser's state, whatever the number of steps, unless the iterates
    are kept.

    Args:
        optimizer: any; one that does not search for itself is wrapped in :class:`Safeguarded`.
        objective: the function.
        x0: the starts.
        steps: the most steps, >= 0.
        tol: relative fall of the gradient's largest entry at which a problem has converged, >= 0.
        keep_iterates: whether the result holds every iterate.

    Raises:
        UserError: a start, or the objective or its gradient there, is not finite.
    """
    if steps < 0 or not tol >= 0:
        raise UserError(f"minimize got steps {steps} and tol {tol}; both must be 0 or more")
    solver = guarded(optimizer)
    with torch.no_grad():
        evaluation = objective.evaluate(x0)
        _check_start(x0, *evaluation)
        state: OptimizerState = solver.init(x0, evaluation)
        progress = _Progress(state, steps, tol)
        values, iterates = [state.evaluation.value], [state.iterate]
        while not progress.done:
            following = advance(solver, state, objective, progress.active)
            progress.update(state, following)
            state = following
            values.append(state.evaluation.value)
            if keep_iterates:
                iterates.append(state.iterate)
    return Minimum(
        x=state.iterate,
        value=state.evaluation.value,
        status=progress.status(),
        steps=progress.steps,
        evaluations=progress.evaluations,
        values=torch.stack(values),
        iterates=torch.stack(iterates) if keep_iterates else None,
    )


def guarded(optimizer: BatchedOptimizer) -> BatchedOptimizer:
    """The optimiser, such that its value never rises."""
    searches = getattr(optimizer, "line_search", None) in ("armijo", "strong_wolfe")
    if searches or isinstance(optimizer, (PairLSR1, Safeguarded)):
        return optimizer
    return Safeguarded(optimizer)


class _Progress:
    """Which problems go on."""

    def __init__(self, state: OptimizerState, most: int, tol: float) -> None:
        self._most = most
        self._bound = tol * _largest(state.evaluation.gradient)
        self.steps = torch.zeros_like(state.evaluation.value, dtype=torch.long)
        self.evaluations = self.steps + 1
        self._idle = self.steps.clone()
        self._converged = _largest(state.evaluation.gradient) <= 0
        self.active = ~self._converged

    @property
    def done(self) -> bool:
        return not bool((self.active & (self.steps < self._most)).any())

    def update(self, before: OptimizerState, after: OptimizerState) -> None:
        one = torch.ones_like(self.steps)
        taken = one if after.evaluations is None else after.evaluations
        self.evaluations = self.evaluations + torch.where(self.active, taken, 0)
        self.steps = self.steps + self.active
        fell = after.evaluation.value < before.evaluation.value
        self._idle = torch.where(fell, torch.zeros_like(one), self._idle + 1)
        met = _largest(after.evaluation.gradient) <= self._bound
        self._converged = self._converged | (self.active & met)
        self.active = self.active & ~self._converged & (self._idle < _PATIENCE)

    def status(self) -> list[Status]:
        ended = []
        for converged, active in zip(self._converged.tolist(), self.active.tolist(), strict=True):
            if converged:
                ended.append(Status.CONVERGED)
            else:
                ended.append(Status.STOPPED if active else Status.STALLED)
        return ended


def _largest(gradient: Tensor) -> Tensor:
    return gradient.abs().amax(dim=1)


def _check_start(x0: Tensor, value: Tensor, gradient: Tensor) -> None:
    finite: dict[str, Any] = {
        "x0": x0.isfinite().all(dim=1),
        "the objective": value.isfinite(),
        "its gradient": gradient.isfinite().all(dim=1),
    }
    for name, sound in finite.items():
        if not bool(sound.all()):
            bad = (~sound).nonzero().flatten().tolist()
            shown = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
            raise UserError(
                f"at the start {name} is not finite in {len(bad)} of {len(sound)} problems "
                f"(number {shown}); start where the objective and its gradient are finite"
            )
