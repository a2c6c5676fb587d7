"""Configs and options as they were before L-SR1 and the tasks had parts, in today's form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.plain_yaml import load_yaml
from lsr1_pl.optim.lsr1 import LSR1
from lsr1_pl.optim.lsr1.assembly import check_part_name, parts_of
from lsr1_pl.optim.lsr1.former import ORDER, PENALTY, PENALTY_DEFAULTS, is_former, renewed
from lsr1_pl.pretrained.former_people import (
    FITS,
    TASK,
    is_refining,
    people_arguments,
    people_option,
    task_today,
)
from lsr1_pl.pretrained.former_tasks import (
    CHOSEN_LOSS,
    MOVED,
    WEIGHT,
    is_moved,
    loss_class,
    regrouped,
)

_NAMES = ("lsr1_pl.optim.LSR1", "lsr1_pl.LSR1", "lsr1_pl.optim.lsr1.LSR1", "LSR1")

_FIELDS = {
    "embedding": ["reads.embedding.size"],
    "variables": ["reads.embedding.variables"],
    "output_limit": ["rate.limit", "vector{}.limit"],
    "vector_init_scale": ["vector{}.initial_scale"],
}
"""Options that became fields whatever class the part has: former name -> fields."""


def migrated(config: Mapping[str, Any], task: str | None = None) -> dict[str, Any]:
    """A config, or any part of one, in which nothing is written as it was before.

    Keywords of LSR1 become its parts wherever it stands; its secant keywords and the task's
    ``secant_weight`` become the task's ``penalty``, and the task's own, such as ``steps``, become
    its parts. A config of today is returned as it is.

    Args:
        config: plain data, as YAML gives it; it is not changed.
        task: class path of the task, where the config changes another one and names none.

    Raises:
        UserError: a former keyword has a value that it never took, or stands beside its part.
    """
    found = {key: _migrated(value) for key, value in config.items()}
    model = found.get("model")
    if isinstance(model, str) and is_refining(model):
        found["model"] = {"class_path": TASK, "init_args": {"start": {"class_path": FITS}}}
    elif isinstance(model, dict):
        former = config["model"]
        task = model.get("class_path", task)
        if is_refining(model.get("class_path")):
            model = {"init_args": {}, **model, "class_path": task_today(model["class_path"])}
        arguments = model.get("init_args")
        if isinstance(arguments, dict):
            given = former.get("init_args", {})
            found["model"] = {**model, "init_args": _task(arguments, given, task)}
        elif "init_args" not in model:
            found["model"] = _task(model, former, task)
    return found


def _migrated(node: Any) -> Any:
    """One value of a config, less what is the task's."""
    if isinstance(node, list):
        return [_migrated(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    if node.get("class_path") in _NAMES and isinstance(node.get("init_args"), Mapping):
        return {**node, "init_args": _parts(node["init_args"])}
    return {key: _migrated(value) for key, value in node.items()}


def _task(arguments: dict[str, Any], former: Mapping[str, Any], task: str | None) -> dict[str, Any]:
    """A task's arguments with each former keyword in its part."""
    penalty = _penalty(former.get("optimizer"))
    if WEIGHT not in arguments:
        # Tasks without a penalty have optimisers, too, whose keywords were at their defaults.
        penalty = {k: v for k, v in penalty.items() if v != PENALTY_DEFAULTS[k]}
    found = people_arguments(regrouped(arguments, task), task)
    given = found.get("penalty")
    if penalty:
        found["penalty"] = {**penalty, **(given if isinstance(given, Mapping) else {})}
    return found


def _parts(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of LSR1, with each former keyword in its part."""
    former = {name: value for name, value in arguments.items() if is_former(name, value)}
    for name, value in arguments.items():
        if name not in former:
            check_part_name(LSR1, name, value)
    kept = {name: value for name, value in arguments.items() if name not in former}
    for name, part in renewed(former).arguments.items():
        given = kept.get(name, {})
        if not isinstance(given, Mapping) or given.keys() & part.keys():
            raise UserError(
                f"LSR1 has {name} and also {', '.join(former)}: write all of it in {name}"
            )
        kept[name] = {**part, **given}
    return kept


def _penalty(optimizer: Any) -> dict[str, Any]:
    """What an optimiser, or the one within it, says of the task's penalty."""
    if not isinstance(optimizer, Mapping):
        return {}
    arguments = optimizer.get("init_args")
    if not isinstance(arguments, Mapping):
        return {}
    if optimizer.get("class_path") in _NAMES:
        return renewed({name: arguments[name] for name in PENALTY if name in arguments}).penalty
    return _penalty(arguments.get("optimizer"))


def migrated_options(words: Sequence[str], configs: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """Options of the command line, such as ``--model.optimizer.hidden_dim=16``, in today's form.

    Args:
        words: of the command line.
        configs: which these options change: they say of which class an optimiser is.

    Raises:
        UserError: a former option has a value that it never took.
    """
    found: list[str] = []
    plain = list(configs)
    pairs = _pairs(words)
    words = ["=".join(pair) for pair in pairs]
    task, start = (_class_at(names, plain, words) for names in (["model"], ["model", "start"]))
    for word, pair in zip(words, pairs, strict=True):
        key, _, value = word.partition("=")
        path = key.removeprefix("--").split(".")
        if not key.startswith("--") or path[0] != "model":
            found += pair
        elif (options := people_option(path, value, task, start)) is not None:
            found += options
        elif not _may_be_former(path, plain, words):
            found += pair
        elif _of_task(path):
            found += _task_options(path, value)
        elif is_former(path[-1], value):
            found += _options(path, value)
        else:
            check_part_name(LSR1, path[-1], value)
            found += pair
    return found


def _pairs(words: Sequence[str]) -> list[list[str]]:
    """The words one by one, but an option of the model together with its value."""
    found: list[list[str]] = []
    for word in words:
        before = found[-1] if found else []
        alone = len(before) == 1 and "=" not in before[0]
        if alone and re.match(r"--model(\.|$)", before[0]) and not word.startswith("--"):
            before.append(word)
        else:
            found.append([word])
    return found


def _may_be_former(
    path: Sequence[str], configs: Sequence[Mapping[str, Any]], words: Sequence[str]
) -> bool:
    if _of_task(path):
        return is_moved(path[-1], _class_at(["model"], configs, words))
    names = [name for name in path if name != "init_args"]
    if len(names) < 3 or names[-2] != "optimizer":
        return False
    if names[-1] not in ORDER and names[-1] not in parts_of(LSR1):
        return False
    return _class_at(names[:-1], configs, words) in (*_NAMES, None)


def _of_task(path: Sequence[str]) -> bool:
    """Whether an option is an argument of the task itself."""
    return [name for name in path if name != "init_args"][:-1] == ["model"]


def _class_at(
    names: Sequence[str], configs: Sequence[Mapping[str, Any]], words: Sequence[str]
) -> str | None:
    """The class of the object there, as words or configs name it."""
    chosen: str | None = None
    for config in configs:
        node: Any = config
        for name in names:
            arguments = node.get("init_args") if isinstance(node, Mapping) else None
            inside = arguments if isinstance(arguments, Mapping) else node
            node = inside.get(name) if isinstance(inside, Mapping) else None
        if isinstance(node, Mapping) and isinstance(node.get("class_path"), str):
            chosen = node["class_path"]
        elif isinstance(node, str):
            chosen = node
    for word in words:
        key, _, value = word.partition("=")
        place = [name for name in key.removeprefix("--").split(".") if name != "init_args"]
        if value and (place == list(names) or place == [*names, "class_path"]):
            chosen = value
    return chosen


def task_class(configs: Iterable[Mapping[str, Any]], words: Sequence[str] = ()) -> str | None:
    """The class path of the task that configs, each changing those before it, and words name."""
    return _class_at(["model"], list(configs), ["=".join(pair) for pair in _pairs(words)])


def _task_options(path: Sequence[str], value: str) -> list[str]:
    """The options that one former option of a task stands for."""
    owner, name = ".".join(path[:-1]), path[-1]
    if name == CHOSEN_LOSS:
        return [f"--{owner}.loss={loss_class(value)}"]
    inside = ".init_args" if "init_args" in path else ""
    return [
        f"--{owner}.{part}{'' if part in ('unroll', 'penalty') else inside}.{field}={value}"
        for part, field in MOVED[name]
    ]


def _options(path: Sequence[str], value: str) -> list[str]:
    """The options that one former option stands for."""
    owner, name = ".".join(path[:-1]), path[-1]
    inside = ".init_args" if "init_args" in path else ""
    if (name, value) == ("embedding", "0"):
        return [f"--{owner}.reads.embedding=null"]
    if name in _FIELDS:
        return [f"--{owner}.{field.format(inside)}={value}" for field in _FIELDS[name]]
    if (name, value) == ("vector_scale", "secant"):
        return [f"--{owner}.vector=lsr1_pl.optim.SecantUnitVector"]
    arguments, penalty = renewed({name: load_yaml(value)})
    options = [f"--model{inside}.penalty.{field}={_text(v)}" for field, v in penalty.items()]
    for part, given in arguments.items():
        if "class_path" not in given:
            options += [f"--{owner}.{part}.{field}={_text(v)}" for field, v in given.items()]
        else:
            options.append(f"--{owner}.{part}={given['class_path']}")
            fields = given.get("init_args", {}).items()
            options += [f"--{owner}.{part}{inside}.{field}={_text(v)}" for field, v in fields]
    return options


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
