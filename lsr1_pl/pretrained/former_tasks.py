"""The keywords that tasks took before their arguments were parts, and what each stands for.

Configs, checkpoints and programs use them. This one table says what they mean: configs and flags
are rewritten by :func:`lsr1_pl.pretrained.migrated`, programs' keywords by the tasks themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lsr1_pl.ground.errors import UserError

WEIGHT = "secant_weight"

MOVED: dict[str, tuple[str, str]] = {
    WEIGHT: ("penalty", "weight"),
    "steps": ("unroll", "steps"),
    "second_order": ("unroll", "second_order"),
    "clip_sample_gradient": ("unroll", "clip_sample_gradient"),
    "divergence_limit": ("unroll", "divergence_limit"),
    "truncate_every": ("unroll", "truncate_every"),
    "freeze_norm_after": ("unroll", "freeze_norm_after"),
    "safeguard": ("unroll", "safeguard"),
}
"""Keywords that became a field of a part of the task: keyword -> part, field."""

_TASKS = ("FunctionTask", "GeneralTask", "HMRTask", "RefiningTask")


def is_moved(name: str, task: str | None) -> bool:
    """Whether an argument of a task is a former keyword.

    Args:
        name: of the argument.
        task: class path of the task; None where nothing names it, as in a config that changes
            another one. A task of somebody else may have arguments of these names.
    """
    if name == WEIGHT:
        return True
    return name in MOVED and (task is None or _is_ours(task))


def _is_ours(task: str) -> bool:
    module, _, name = task.rpartition(".")
    return name in _TASKS and (not module or module.split(".")[0] == "lsr1_pl")


def regrouped(arguments: Mapping[str, Any], task: str | None) -> dict[str, Any]:
    """A task's arguments, as a config holds them, with each former keyword in its part.

    Raises:
        UserError: a former keyword stands beside the field that it became.
    """
    found = {name: value for name, value in arguments.items() if not is_moved(name, task)}
    for name, value in arguments.items():
        if not is_moved(name, task):
            continue
        part, field = MOVED[name]
        given = found.get(part) or {}
        if not isinstance(given, Mapping) or field in given:
            raise UserError(f"the task has {part} and also {name}: write all of it in {part}")
        found[part] = {**given, field: value}
    return found
