"""Former keywords of HMRTask, in programs: they make the parts that they stand for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.evaluation.plan import EvaluationPlan
from lsr1_pl.hmr.problem import FittingProblem
from lsr1_pl.hmr.start import LGDFits, TrainedStart
from lsr1_pl.pretrained.former_people import PARTS, sorted_keywords

Class = TypeVar("Class", bound=type)

_OBJECTS = ("first", "baselines")


def flat_keywords(
    start: TrainedStart, problem: FittingProblem, evaluate: EvaluationPlan
) -> dict[str, Any]:
    """Former keyword -> what it is in these parts; plain numbers and text alone."""
    parts: Mapping[str, Any] = {"start": start, "problem": problem, "evaluate": evaluate}
    return {
        keyword: getattr(parts[part], field)
        for keyword, (part, field) in PARTS.items()
        if keyword not in _OBJECTS and field in {each.name for each in fields(parts[part])}
    }


def lgd_fits(options: Mapping[str, Any]) -> dict[str, Any]:
    """RefiningTask's keywords as arguments of HMRTask, whose start is LGD's fits.

    Raises:
        UserError: a keyword would train LGD's initial estimate.
    """
    kept, parts, _ = sorted_keywords(options, from_lgd=True)
    start = parts.pop("start", {})
    others = {k: v for k, v in options.items() if k not in kept and PARTS[k][0] != "start"}
    return {"start": LGDFits(**start), **kept, **others}


def takes_former_people_keywords(owner: Class) -> Class:
    """A class decorator for HMRTask: a former keyword sets its field in the part's default.

    ``HMRTask(optimizer, evaluation_steps=4)`` is
    ``HMRTask(optimizer, evaluate=EvaluationPlan(steps=4))``.

    Raises:
        UserError: when a task is made with a part and a former keyword that belongs to it.
    """
    initialise = owner.__init__  # type: ignore[misc]
    parameters = inspect.signature(initialise).parameters
    names = [name for name in parameters if name != "self"]

    @functools.wraps(initialise)
    def translated(self: Any, *args: Any, **kwargs: Any) -> None:
        kept, parts, from_lgd = sorted_keywords(kwargs)
        for part, given in parts.items():
            default = parameters[part].default
            # Lightning's load_from_checkpoint gives the defaults beside what it saved.
            whole = kept.get(part, default) == default
            if not whole or part in names[: len(args)]:
                same = [k for k in kwargs if k in PARTS and PARTS[k][0] == part]
                raise UserError(
                    f"{owner.__name__} got {part} and also {', '.join(same)}; give {part} alone"
                )
            begun = LGDFits() if from_lgd and part == "start" else default
            kept[part] = replace(begun, **given)
        initialise(self, *args, **kept)

    owner.__init__ = translated  # type: ignore[misc]
    return owner
