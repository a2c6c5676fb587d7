"""One minimisation from what a user gave to what is handed back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
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
    bounds: Any
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
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):  # SciPy's Bounds
        bounds = (_alone(bounds.lb), _alone(bounds.ub))
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise UserError(
            "bounds are a tuple (lower, upper), or SciPy's Bounds; of SciPy's pairs, one a "
            "variable, give bounds=tuple(zip(*pairs))"
        )
    if layout.single and all(map(_is_pair, bounds)):
        first, second = zip(*bounds, strict=True)
        raise UserError(
            f"bounds {bounds} may be (lower, upper), or a pair a variable as SciPy has them; give "
            "tensors or arrays. If they are SciPy's pairs, write "
            f"bounds=(np.array({_numbers(first, '-')}), np.array({_numbers(second, '')}))"
        )
    lower = layout.bound(bounds[0], "lower", -torch.inf)
    return Box(lower, layout.bound(bounds[1], "upper", torch.inf))


def _is_pair(bound: Any) -> bool:
    """Whether it is two plain numbers: of two variables, or of one variable in SciPy's form."""
    return (
        isinstance(bound, (tuple, list))
        and len(bound) == 2
        and all(each is None or isinstance(each, (int, float)) for each in bound)
    )


def _alone(bound: Any) -> Any:
    """A bound that SciPy's ``Bounds`` made an array of one number: the number."""
    return float(np.asarray(bound).item()) if np.size(bound) == 1 else np.asarray(bound)


def _numbers(side: Sequence[Any], sign: str) -> str:
    """Bounds of one side as they are written, with infinity where there is none."""
    return f"[{', '.join(f'{sign}np.inf' if each is None else str(each) for each in side)}]"


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
    if callback is not None:
        _check_callback(callback)
    begun = time.monotonic()

    def watch(state: OptimizerState, steps: int) -> str | None:
        if callback is not None:
            x = layout.handed_back(layout.shaped(state.iterate.clone()))
            value = state.evaluation.value
            now = Intermediate(x, value if layout.batched else value[0], steps)
            if _ends(callback, now):
                return "the callback stopped it"
        if seconds is not None and time.monotonic() - begun >= seconds:
            return f"the {seconds:g} seconds were used up"
        return None

    return watch


_SEEN = "the callback gets one argument, now, with now.x, now.value and now.steps"


def _check_callback(callback: Any) -> None:
    if not callable(callback):
        raise UserError(f"callback is {callback!r}; expected a function: {_SEEN}")
    try:
        signature(callback).bind(None)
    except TypeError as error:
        raise UserError(f"callback cannot be called ({error}); {_SEEN}") from None
    except ValueError:  # A builtin need not show its arguments.
        return


def _ends(callback: Callable[[Intermediate], Any], now: Intermediate) -> bool:
    """Whether the callback ends the run.

    Raises:
        UserError: it takes what it gets for an array, or answers for each problem of a batch.
    """
    try:
        answer = callback(now)
    except StopIteration:
        return True
    except (TypeError, AttributeError) as error:
        if Intermediate.__name__ not in str(error):
            raise
        raise UserError(f"{_SEEN}; SciPy's xk is now.x ({error})") from error
    if isinstance(answer, (torch.Tensor, np.ndarray, np.generic)):
        said = torch.as_tensor(answer)
        if said.dtype != torch.bool:
            return False
        if said.numel() != 1:
            raise UserError(
                f"the callback gave {tuple(said.shape)} answers; it ends the whole run, so give "
                "one: .all() or .any() of them"
            )
        return bool(said)
    return answer is True
