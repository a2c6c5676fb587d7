"""The keywords that HMRTask took before it had parts, and RefiningTask, which became a start of it.

Configs, checkpoints and programs use them. One table says what they mean: configs and flags are
rewritten by :func:`lsr1_pl.pretrained.migrated`, programs' keywords by the tasks themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.plain_yaml import load_yaml

TASK, ESTIMATE, FITS = "lsr1_pl.tasks.HMRTask", "lsr1_pl.hmr.NetworkEstimate", "lsr1_pl.hmr.LGDFits"
_REFINING = "RefiningTask"
_START = "start"

PARTS: dict[str, tuple[str, str]] = {
    "initial_width": (_START, "width"),
    "initial_dropout": (_START, "dropout"),
    "warmup_iterations": (_START, "warmup_iterations"),
    "detach_initial_estimate": (_START, "detached"),
    "freeze_initial_estimate": (_START, "frozen"),
    "initial_weights": (_START, "weights"),
    "first": (_START, "lgd"),
    "first_steps": (_START, "updates"),
    "objective_scale": ("problem", "scale"),
    "residual": ("problem", "residual"),
    "prior_weight": ("problem", "prior_weight"),
    # Never a keyword alone, but hyperparameters are saved so.
    "mean_over_people": ("problem", "mean_over_people"),
    "evaluation_steps": ("evaluate", "steps"),
    "baselines": ("evaluate", "baselines"),
    "sample_fits": ("evaluate", "sample_fits"),
    "protocols": ("evaluate", "protocols"),
    "truth_bodies": ("evaluate", "truth_bodies"),
    "regressor": ("evaluate", "regressor"),
}
"""Keywords that became a field of a part: keyword -> part, field."""

_OF_FITS = ("first", "first_steps")
_SHARED = ("baselines",)
"""Keywords of other tasks, too."""

_FIXED: dict[str, tuple[object, ...]] = {
    "warmup_iterations": (0,),
    "detach_initial_estimate": (False, True),
    "freeze_initial_estimate": (True,),
}
"""Keywords without a field where fits begin at LGD's: the values that change nothing there."""


class People(NamedTuple):
    """Former keywords of a task, sorted."""

    kept: dict[str, Any]
    """Arguments that are no former keyword."""
    parts: dict[str, dict[str, Any]]
    """Part -> its fields that were given."""
    from_lgd: bool
    """Whether fits begin at those of LGD, so that ``start`` is LGDFits."""


def sorted_keywords(arguments: Mapping[str, Any], *, from_lgd: bool = False) -> People:
    """The arguments of HMRTask by their parts.

    Args:
        arguments: by name.
        from_lgd: whether the task is RefiningTask; a keyword of it says so, too.

    Raises:
        UserError: fits begin at LGD's, and a keyword would train what it began from.
    """
    from_lgd = from_lgd or any(name in arguments for name in _OF_FITS)
    kept = {name: value for name, value in arguments.items() if name not in PARTS}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in arguments.items():
        if name not in PARTS or (from_lgd and _is_fixed(name, value)):
            continue
        part, field = PARTS[name]
        parts.setdefault(part, {})[field] = value
    return People(kept, parts, from_lgd)


def _is_fixed(name: str, value: object) -> bool:
    if name not in _FIXED:
        return False
    if value not in _FIXED[name]:
        raise UserError(
            f"{name} is {json.dumps(value)}, and the fits begin at those of LGD, whose networks do "
            f"not train: leave {name} out"
        )
    return True


def is_people(task: str | None) -> bool:
    """Whether a class path is the one of HMRTask or RefiningTask."""
    module, _, name = (task or "").rpartition(".")
    return name in ("HMRTask", _REFINING) and module.split(".")[0] in ("", "lsr1_pl")


def is_refining(task: str | None) -> bool:
    """Whether a class path is the one of RefiningTask."""
    return is_people(task) and str(task).endswith(_REFINING)


def task_today(task: str) -> str:
    """The class path that stands for a former one."""
    return TASK if is_refining(task) else task


def people_arguments(arguments: Mapping[str, Any], task: str | None) -> dict[str, Any]:
    """A task's arguments, as a config holds them, with each former keyword in its part.

    Args:
        arguments: of the task.
        task: its class path; None where nothing names it.

    Raises:
        UserError: a keyword stands beside the field that it became, or has a value that it cannot
            have.
    """
    # What is null in a config of LGD's fits was never said.
    if not is_people(task) and (task is not None or not _speaks_of_people(arguments)):
        return dict(arguments)
    found, parts, from_lgd = sorted_keywords(arguments, from_lgd=is_refining(task))
    if from_lgd:
        parts.setdefault(_START, {})
    for part, fields in parts.items():
        given = found.get(part)
        if isinstance(given, str):
            given = {"class_path": given}
        inside = part == _START
        given = dict(given or {}) if isinstance(given, (Mapping, type(None))) else {"": given}
        before = (given.get("init_args") or {}) if inside else given
        same = [
            name
            for name in arguments
            if name in PARTS and PARTS[name][0] == part and PARTS[name][1] in before
        ]
        if same or "" in given:
            raise UserError(
                f"the task has {part} and also {', '.join(same)}: write all of it in {part}"
            )
        if not inside:
            found[part] = {**given, **fields}
            continue
        chosen = given.get("class_path") or (FITS if from_lgd else ESTIMATE)
        found[part] = {"class_path": chosen, "init_args": {**before, **fields}}
    return found


def _speaks_of_people(arguments: Mapping[str, Any]) -> bool:
    return any(name in PARTS and name not in _SHARED for name in arguments)


def people_option(
    path: Sequence[str], value: str, task: str | None, start: str | None
) -> list[str] | None:
    """The options that ``--PATH=VALUE`` stands for; None if it is as today.

    Args:
        path: of the option, which begins with ``model``.
        value: of the option.
        task: class path of the task, if anything names it.
        start: class of its start, likewise.

    Raises:
        UserError: as :func:`people_arguments`.
    """
    place = 2 if list(path[1:2]) == ["init_args"] else 1
    if list(path) in (["model"], ["model", "class_path"]) and is_refining(value):
        # Short names of classes are found in the part's own type.
        return [f"--{'.'.join(path)}={TASK}", f"--model.start={FITS}"]
    name = path[place] if len(path) > place else None
    if name not in PARTS or not (is_people(task) or (task is None and name not in _SHARED)):
        return None
    from_lgd = is_refining(task) or str(start).rpartition(".")[2] == "LGDFits"
    if from_lgd and len(path) == place + 1 and _is_fixed(name, load_yaml(value)):
        return []
    part, field = PARTS[name]
    owner = [*path[:place], part, *(["init_args"] if part == _START and place == 2 else [])]
    return [f"--{'.'.join([*owner, field, *path[place + 1 :]])}={value}"]
