"""The keywords that tasks took before their arguments were parts, and what each stands for.

Configs, checkpoints and programs use them. This one table says what they mean: configs and flags
are rewritten by :func:`lsr1_pl.pretrained.migrated`, programs' keywords by the tasks themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lsr1_pl.ground.choices import unknown_choice
from lsr1_pl.ground.errors import UserError

WEIGHT, CHOSEN_LOSS = "secant_weight", "meta_loss"

LOSSES = {"value": "MeanValue", "suboptimality": "RelativeSuboptimality"}
"""``meta_loss`` -> the class of ``loss``."""

MOVED: dict[str, tuple[tuple[str, str], ...]] = {
    WEIGHT: (("penalty", "weight"),),
    "steps": (("unroll", "steps"),),
    "second_order": (("unroll", "second_order"),),
    "clip_sample_gradient": (("unroll", "clip_sample_gradient"),),
    "divergence_limit": (("unroll", "divergence_limit"),),
    "truncate_every": (("unroll", "truncate_every"),),
    "freeze_norm_after": (("unroll", "freeze_norm_after"),),
    "safeguard": (("unroll", "safeguard"),),
    # Never a keyword alone, but hyperparameters are saved so.
    "vary_steps": (("unroll", "vary_steps"),),
    "detach_iterates": (("unroll", "detach_iterates"),),
    "test_steps": (("evaluate", "steps"),),
    "test_buffer_sizes": (("evaluate", "buffer_sizes"),),
    "baselines": (("evaluate", "baselines"),),
    "floor": (("loss", "floor"), ("evaluate", "floor")),
}
"""Keywords that became fields of parts of the task: keyword -> part and field, each."""

_CLASSES: dict[str, dict[str, str]] = {
    "FunctionTask": {"loss": "MeanValue", "evaluate": "BySteps"},
    "GeneralTask": {"loss": "LogRatioToSkeleton", "evaluate": "ByEvaluations"},
    "HMRTask": {},
    "RefiningTask": {},
}
"""Tasks -> the parts that one of several classes can be, with the class that keywords meant."""


def is_moved(name: str, task: str | None) -> bool:
    """Whether an argument of a task is a former keyword.

    Args:
        name: of the argument.
        task: class path of the task; None where nothing names it, as in a config that changes
            another one. A task of somebody else may have arguments of these names.
    """
    if name == WEIGHT:
        return True
    if task is None:
        # HMRTask has baselines of its own.
        return name in (*MOVED, CHOSEN_LOSS) and name != "baselines"
    if not _is_ours(task):
        return False
    classes = _classes(task)
    if name == CHOSEN_LOSS:
        return "loss" in classes
    parts = [part for part, _ in MOVED.get(name, ())]
    return bool(parts) and all(part in ("unroll", "penalty") or part in classes for part in parts)


def _is_ours(task: str) -> bool:
    module, _, name = task.rpartition(".")
    return name in _CLASSES and (not module or module.split(".")[0] == "lsr1_pl")


def _classes(task: str | None) -> dict[str, str]:
    return _CLASSES.get(task.rpartition(".")[2], {}) if task and _is_ours(task) else {}


def regrouped(arguments: Mapping[str, Any], task: str | None) -> dict[str, Any]:
    """A task's arguments, as a config holds them, with each former keyword in its part.

    Raises:
        UserError: a former keyword stands beside the field that it became, or has a value that it
            never took.
    """
    found = {name: value for name, value in arguments.items() if not is_moved(name, task)}
    for name, value in arguments.items():
        if not is_moved(name, task):
            continue
        if name == CHOSEN_LOSS:
            if "loss" in found:
                raise UserError("the task has loss and also meta_loss: give loss alone")
            found["loss"] = {"class_path": loss_class(value)}
            continue
        for part, field in MOVED[name]:
            found[part] = _with_field(name, part, field, value, found.get(part), task)
    return found


def loss_class(value: object) -> str:
    """The class path of ``meta_loss``.

    Raises:
        UserError: the value is misspelt.
    """
    if value not in LOSSES:
        raise unknown_choice("FunctionTask meta_loss", value, LOSSES)
    return f"lsr1_pl.tasks.{LOSSES[str(value)]}"


def _with_field(
    name: str, part: str, field: str, value: Any, given: Any, task: str | None
) -> dict[str, Any]:
    """A part, as a config holds it, with one more field."""
    clash = UserError(f"the task has {part} and also {name}: write all of it in {part}")
    if isinstance(given, str):
        given = {"class_path": given}
    if given is None:
        chosen = _classes(task).get(part)
        given = {"class_path": f"lsr1_pl.tasks.{chosen}"} if chosen else {}
    if not isinstance(given, Mapping):
        raise clash
    fields = given.get("init_args") or {} if "class_path" in given else given
    if field in fields:
        raise clash
    fields = {**fields, field: value}
    return {**given, "init_args": fields} if "class_path" in given else fields
