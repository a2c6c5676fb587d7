"""Whether a meta-optimiser's and a schedule's state in a file are of those that were just made."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import torch
from torch.optim import Optimizer

from lsr1_pl.cli.training.state_values import alike, harmless

_BY_SCHEDULES = ("initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum", "swa_lr")
"""What schedules put into the groups of an optimiser."""


def sound_optimizer(optimizer: Optimizer, given: Any) -> bool:
    """Whether ``given`` can be loaded into ``optimizer`` and steps taken with it.

    Args:
        optimizer: which has taken no step.
        given: as ``optimizer.state_dict()`` gives it.
    """
    if not isinstance(given, dict):
        return False
    groups, state = given.get("param_groups"), given.get("state")
    if not isinstance(groups, list) or len(groups) != len(optimizer.param_groups):
        return False
    parameters: dict[int, torch.Tensor] = {}
    for own, group in zip(optimizer.param_groups, groups, strict=True):
        if not isinstance(group, dict) or not _sound_group(own, group):
            return False
        if len(set(group["params"])) != len(own["params"]) or len(group["params"]) != len(
            own["params"]
        ):
            return False
        parameters |= dict(zip(group["params"], own["params"], strict=True))
    if not isinstance(state, dict) or not set(state) <= set(parameters):
        return False
    names = {
        dimensions: _names_after_a_step(optimizer, dimensions)
        for dimensions in {parameter.dim() for parameter in parameters.values()}
    }
    for number, entries in state.items():
        if not isinstance(entries, dict) or not harmless(entries):
            return False
        # What lacks entries altogether has not stepped.
        wanted = names[parameters[number].dim()]
        if wanted is not None and entries and not wanted <= set(entries):
            return False
        if not all(_fits(value, parameters[number]) for value in entries.values()):
            return False
    return True


def sound_schedule(scheduler: Any, given: Any, steps: int) -> dict[str, Any] | None:
    """The part of ``given`` that is of ``scheduler``; None if it cannot be loaded.

    Args:
        scheduler: which was just made.
        given: as ``scheduler.state_dict()`` gives it; loading sets attributes by it.
        steps: more than the schedule can have taken.
    """
    template = scheduler.state_dict()
    if not isinstance(given, dict):
        return None
    taken = {key: given[key] for key in template if key in given}
    missing = [key for key in template if key not in given and not key.startswith("_")]
    if missing or not all(alike(template[key], value) for key, value in taken.items()):
        return None
    last = taken.get("last_epoch", 0)
    return taken if isinstance(last, (int, float)) and -1 <= last <= steps else None


def _sound_group(own: dict[str, Any], given: dict[str, Any]) -> bool:
    """Options of the same names and kinds; those that another release added may be missing."""
    if not isinstance(given.get("params"), list) or "lr" not in given:
        return False
    if not all(type(number) is int for number in given["params"]):
        return False
    for key, value in given.items():
        if key == "params":
            continue
        if key not in own and key not in _BY_SCHEDULES:
            return False
        template = own.get(key, 0.0)
        if not (alike(template, value) or (template is None and harmless(value))):
            return False
    return True


def _fits(value: Any, parameter: torch.Tensor) -> bool:
    if not isinstance(value, torch.Tensor):
        return value is None or isinstance(value, (bool, int, float))
    if value.numel() == 1:
        return True
    # Some keep sums over rows and columns.
    return value.dim() == parameter.dim() and all(
        size in (1, whole) for size, whole in zip(value.shape, parameter.shape, strict=True)
    )


def _names_after_a_step(optimizer: Optimizer, dimensions: int) -> set[str] | None:
    """What the optimiser keeps of a parameter, from a step on a small one; None if none can tell.

    Each group's options may differ, so that only what all of them keep counts.
    """
    names: set[str] | None = None
    try:
        for group in optimizer.param_groups:
            parameter = torch.zeros((2,) * dimensions, requires_grad=True)
            parameter.grad = torch.zeros_like(parameter)
            probe = copy.copy(optimizer)
            probe.state = defaultdict(dict)
            options = {key: value for key, value in group.items() if key != "params"}
            probe.param_groups = [{**options, "params": [parameter], "fused": None}]
            type(probe).step(probe)
            kept = {str(name) for name in probe.state[parameter]}
            names = kept if names is None else names & kept
    except Exception:
        return None
    return names
