"""Run an optimiser until every problem of a batch has ended, and say how each did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.bounds import Box, BoxedPairLSR1
from lsr1_pl.optim.levenberg_marquardt import LevenbergMarquardt
from lsr1_pl.optim.pairs import PairLSR1
from lsr1_pl.optim.progress import Progress
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState, advance
from lsr1_pl.optim.safeguard import Safeguarded
from lsr1_pl.optim.stopping import StoppingTest, Tolerance


class Status(str, Enum):
    """How a problem ended."""

    CONVERGED = "converged"
    """The stopping test was met, the gradient was zero, or the precision shows no lower value."""
    STALLED = "stalled"
    """Three steps in a row found no lower value, although the gradient promises one."""
    STOPPED = "stopped"
    """The steps or the time were used up, or the caller stopped."""


@dataclass(frozen=True)
class Minimum:
    """What :func:`minimize_batch` found for B problems."""

    x: Tensor
    """(B, N) the best points."""
    evaluation: Evaluation
    """The objective there, its values never above the starts'."""
    status: list[Status]
    """B of them."""
    reason: list[str]
    """B: why each ended, in words."""
    steps: Tensor
    """(B,) int: steps until the problem ended."""
    evaluations: Tensor
    """(B,) int: gradients and Hessian-vector products until then, the start's included."""
    values: Tensor
    """(K + 1, B) the best value so far, at each step."""
    iterates: Tensor | None
    """(K + 1, B, N) where they were, if they were asked for."""


Watch = Callable[[OptimizerState, int], str | None]
"""Called after each step with the state and the number of steps; a string ends all problems."""


def minimize_batch(
    optimizer: BatchedOptimizer,
    objective: Objective,
    x0: Tensor,
    steps: int,
    stopping: StoppingTest | None = None,
    *,
    box: Box | None = None,
    watch: Watch | None = None,
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
        stopping: when a problem has converged; :class:`Tolerance` if None.
        box: bounds, which a :class:`PairLSR1` and least squares keep; starts outside are moved
            to them.
        watch: may end all problems.
        keep_iterates: whether the result holds every iterate.

    Raises:
        UserError: a start, or the objective or its gradient there, is not finite.
    """
    if steps < 0:
        raise UserError(f"minimize got steps {steps}; it must be 0 or more")
    solver = guarded(optimizer)
    if box is not None:
        solver, x0 = _within(solver, box), box.inside(x0)
    with torch.no_grad():
        evaluation = objective.evaluate(x0)
        _check_start(x0, *evaluation)
        state: OptimizerState = solver.init(x0, evaluation)
        test = Tolerance() if stopping is None else stopping
        progress = Progress(state, test, scaled=solver.scaled, box=box)
        iterates, stopped = [state.iterate], None
        while progress.going and progress.number < steps and stopped is None:
            following = advance(solver, state, objective, progress.active)
            progress.update(state, following)
            state = following
            if keep_iterates:
                iterates.append(state.iterate)
            if watch is not None:
                stopped = watch(state, progress.number)
    unfinished = stopped or f"the {steps} steps were used up"
    ended = [_ended(*each, unfinished) for each in progress.ends()]
    return Minimum(
        x=state.iterate,
        evaluation=state.evaluation,
        status=[status for status, _ in ended],
        reason=[reason for _, reason in ended],
        steps=progress.steps,
        evaluations=progress.evaluations,
        values=torch.stack(progress.values),
        iterates=torch.stack(iterates) if keep_iterates else None,
    )


def guarded(optimizer: BatchedOptimizer) -> BatchedOptimizer:
    """The optimiser, such that its value never rises."""
    searches = getattr(optimizer, "line_search", None) in ("armijo", "strong_wolfe")
    searches = searches or getattr(optimizer, "guards_itself", False)
    if searches or isinstance(optimizer, (PairLSR1, Safeguarded, LevenbergMarquardt)):
        return optimizer
    return Safeguarded(optimizer)


def _within(solver: BatchedOptimizer, box: Box) -> BatchedOptimizer:
    if isinstance(solver, LevenbergMarquardt):
        return solver.within(box)
    return BoxedPairLSR1(solver, box)


def _ended(converged: str | None, active: bool, unfinished: str) -> tuple[Status, str]:
    if converged is not None:
        return Status.CONVERGED, converged
    if active:
        return Status.STOPPED, unfinished
    return Status.STALLED, (
        "three steps in a row found no lower value, although the gradient promises one: the "
        "function may have a corner there, have no lower bound, or its gradient be wrong"
    )


def _check_start(x0: Tensor, value: Tensor, gradient: Tensor) -> None:
    finite = {
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
