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
from lsr1_pl.optim.checks import check_precision
from lsr1_pl.optim.levenberg_marquardt import LevenbergMarquardt
from lsr1_pl.optim.pairs import PairLSR1
from lsr1_pl.optim.progress import Progress
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState, advance, map_tensors
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
        UserError: a start, or the objective or its gradient there, is not finite; or the objective
            is of a wider precision than ``x0``.
    """
    if steps < 0:
        raise UserError(f"minimize got steps {steps}; it must be 0 or more")
    solver = guarded(optimizer)
    if box is not None:
        solver, x0 = _within(solver, box), box.inside(x0)
    with torch.no_grad():
        evaluation = objective.evaluate(x0)
        check_precision(x0, evaluation.value)
        _check_start(x0, *evaluation)
        state: OptimizerState = solver.init(x0, evaluation)
        test = Tolerance() if stopping is None else stopping
        progress = Progress(state, test, scaled=solver.scaled, box=box)
        iterates, stopped = [state.iterate], None
        take = _of_those_that_go if _separable(solver, x0) else _of_all
        step = take(solver, objective, state)
        while progress.going and progress.number < steps and stopped is None:
            following = step(progress.active)
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


_Step = Callable[[Tensor], OptimizerState]
"""One more step of the problems that are active, (B,) bool; the state of all."""


def _of_all(solver: BatchedOptimizer, objective: Objective, start: OptimizerState) -> _Step:
    """Steps whose work is that of all problems."""
    state = start

    def step(active: Tensor) -> OptimizerState:
        nonlocal state
        state = advance(solver, state, objective, active)
        return state

    return step


def _separable(solver: BatchedOptimizer, x0: Tensor) -> bool:
    """Whether a part of the problems may step alone."""
    # A PairLSR1 keeps nothing of a problem beside its state; its subclasses and others may. On a
    # GPU the question which problems go on would wait for the device.
    return type(solver) is PairLSR1 and x0.device.type == "cpu" and len(x0) > 1


def _of_those_that_go(
    solver: BatchedOptimizer, objective: Objective, start: OptimizerState
) -> _Step:
    """Steps whose work is that of the problems that go on, but for the function's own."""
    everything, going, state = _seen(start), torch.arange(len(start.iterate)), start

    def step(active: Tensor) -> OptimizerState:
        nonlocal everything, going, state
        kept = active[going]
        if not bool(kept.all()):
            going, state = going[kept], map_tensors(lambda rows: rows[kept], state)
        state = solver.step(state, _Part(objective, everything.iterate, going))
        everything = map_tensors(
            lambda every, rows: _with_rows(every, going, rows), everything, _seen(state)
        )
        return everything

    return step


def _seen(state: OptimizerState) -> OptimizerState:
    """What the world outside sees of a state."""
    return OptimizerState(
        iterate=state.iterate,
        evaluation=state.evaluation,
        direction=state.direction,
        secant_residual=state.secant_residual,
        evaluations=state.evaluations,
        guarded=state.guarded,
    )


def _with_rows(every: Tensor, numbers: Tensor, rows: Tensor) -> Tensor:
    """``every`` (B, ...) with the rows of these numbers replaced."""
    return every.index_copy(0, numbers, rows)


@dataclass(frozen=True)
class _Part:
    """The objective of some problems; the function sees the others where they ended."""

    objective: Objective
    ends: Tensor
    """(B, N)."""
    numbers: Tensor
    """Of the problems that are meant."""

    def value(self, x: Tensor) -> Tensor:
        return self.objective.value(_with_rows(self.ends, self.numbers, x))[self.numbers]

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        at = _with_rows(self.ends, self.numbers, x)
        value, gradient = self.objective.evaluate(at, second_order=second_order)
        return Evaluation(value[self.numbers], gradient[self.numbers])

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        at = _with_rows(self.ends, self.numbers, x)
        along = _with_rows(torch.zeros_like(self.ends), self.numbers, v)
        return self.objective.hessian_vector_product(at, along)[self.numbers]


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
