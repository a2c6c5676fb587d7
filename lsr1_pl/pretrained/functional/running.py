"""One minimisation from what a user gave to what is handed back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.optim import BatchedOptimizer, OptimizerState
from lsr1_pl.optim.bounds import Box
from lsr1_pl.optim.minimize import Minimum, Watch, minimize_batch
from lsr1_pl.optim.stopping import StoppingTest, Tolerance
from lsr1_pl.pretrained.functional.implicit import attached
from lsr1_pl.pretrained.functional.layout import Layout
from lsr1_pl.pretrained.functional.outcome import Intermediate, Result, result_of
from lsr1_pl.pretrained.functional.user_function import WiderValue

MOST_STEPS = 5000
"""The steps of a minimisation that sets no limit."""

Parts = Callable[[Layout, Box | None], tuple[BatchedOptimizer, Objective]]
"""The optimiser, and the objective on rows, for a start and bounds."""


@dataclass(frozen=True)
class Settings:
    """What ``minimize`` and ``least_squares`` share; see there."""

    steps: int | None
    tol: float | StoppingTest | None
    bounds: tuple[Any, Any] | None
    callback: Callable[[Intermediate], Any] | None
    seconds: float | None
    trajectory: bool
    differentiable: bool


def run_to_the_end(x0: Any, parts: Parts, settings: Settings) -> Result:
    """Minimise from ``x0``; in a wider precision if the function turns out to have one.

    Raises:
        UserError: a setting, the start or the function is unusable.
    """
    most = MOST_STEPS if settings.steps is None else settings.steps
    tol = settings.tol
    stopping = tol if isinstance(tol, StoppingTest) else Tolerance(*_number("tol", tol))
    if isinstance(most, bool) or not isinstance(most, int):
        raise UserError(f"steps is {most!r}; it must be a whole number, or None")
    limit = _number("seconds", settings.seconds)
    # Inside inference mode nothing could be differentiated.
    with torch.inference_mode(False):
        layout = Layout(x0)
        if settings.differentiable and layout.any_numpy:
            raise UserError("differentiable needs x0 of torch tensors; NumPy's have no gradient")

        def run() -> tuple[Minimum, Objective, Box | None]:
            box = None if settings.bounds is None else _box(settings.bounds, layout)
            solver, objective = parts(layout, box)
            found = minimize_batch(
                solver,
                objective,
                layout.flat,
                most,
                stopping,
                box=box,
                watch=_watch(layout, settings.callback, limit[0] if limit else None),
                keep_iterates=settings.trajectory,
            )
            return found, objective, box

        try:
            found, objective, box = run()
        except WiderValue as wider:
            layout.flat = layout.flat.to(wider.dtype)
            found, objective, box = run()
        x = attached(found, objective, box) if settings.differentiable else found.x
        return result_of(found, x, layout, box)


def _box(bounds: Any, layout: Layout) -> Box:
    # A list of two pairs is SciPy's form of two variables, and would be misread without a word.
    pairs = isinstance(bounds, list) and all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in bounds
    )
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2 or pairs:
        raise UserError(
            "bounds are a tuple (lower, upper); of SciPy's pairs, one a variable, give "
            "bounds=tuple(zip(*pairs))"
        )
    lower = layout.bound(bounds[0], "lower", -torch.inf)
    return Box(lower, layout.bound(bounds[1], "upper", torch.inf))


def _number(name: str, value: Any) -> tuple[float, ...]:
    """The number, or nothing for None."""
    if value is None:
        return ()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise UserError(f"{name} is {value!r}; it must be a number of 0 or more, or None")
    return (float(value),)


def _watch(
    layout: Layout, callback: Callable[[Intermediate], Any] | None, seconds: float | None
) -> Watch | None:
    """What looks at each step for ``callback``, and at the clock for ``seconds``."""
    if callback is None and seconds is None:
        return None
    begun = time.monotonic()

    def watch(state: OptimizerState, steps: int) -> str | None:
        if callback is not None:
            x = layout.handed_back(layout.shaped(state.iterate.clone()))
            value = state.evaluation.value
            try:
                if callback(Intermediate(x, value if layout.batched else value[0], steps)) is True:
                    return "the callback stopped it"
            except StopIteration:
                return "the callback stopped it"
        if seconds is not None and time.monotonic() - begun >= seconds:
            return f"the {seconds:g} seconds were used up"
        return None

    return watch
