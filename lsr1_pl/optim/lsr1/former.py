"""The keywords that :class:`LSR1` takes beside its parts, and the part that each stands for.

Configs, checkpoints and programs use them. One table says what they mean; configs are rewritten by
:func:`lsr1_pl.pretrained.migrated`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from lsr1_pl.ground.choices import unknown_choice
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.lsr1.assembly import assembled

Class = TypeVar("Class", bound=type)

MOVED: dict[str, tuple[str, str]] = {
    "hidden_dim": ("networks", "width"),
    "dropout": ("networks", "dropout"),
    "residual": ("networks", "skip"),
    "norm_momentum": ("networks", "norm_momentum"),
    "gamma1": ("rate", "gamma1"),
    "gamma2": ("rate", "gamma2"),
    "inputs": ("reads", "inputs"),
    "input_normalization": ("reads", "normalization"),
    "problem_inputs": ("reads", "problem_numbers"),
    "secant_inputs": ("reads", "secant_numbers"),
    "detach_inputs": ("reads", "detached"),
    "compiled": ("runner", "compiled"),
    "recompute": ("runner", "recompute"),
}
"""Keywords that became a field of a part: keyword -> part, field."""

BASES = {
    "identity": "Identity",
    "none": "Zero",
    "scaled": "LastSecant",
    "first": "FirstSecant",
    "polyak": "Polyak",
    "rms": "AdamDiagonal",
}
"""``initial_curvature`` -> the class of B0."""

_WITH_UNIT = ("polyak", "rms")

VECTORS = {"free": "FreeVector", "sr1": "SR1Vector"}
"""``vector`` -> its class, beside SecantUnitVector of ``vector_scale: secant``."""

SCALES = {"none": "none", "secant": "secant"}
"""``vector_scale``."""

PENALTY: dict[str, tuple[str, dict[Any, Any]]] = {
    "secant_pair": ("pair", {"previous": "previous", "current": "current"}),
    "secant_detach": ("detached", {True: True, False: False}),
    "secant_relative": ("norm", {True: "relative", False: "sum"}),
}
"""Keywords that became a field of the task's SecantPenalty: keyword -> field, values."""

PENALTY_DEFAULTS = {"pair": "previous", "detached": True, "norm": "sum"}
"""What the penalty's fields were without these keywords."""

ORDER = (
    *("hidden_dim", "buffer_size", "gamma1", "gamma2", "initial_curvature", "gradient_memory"),
    *("dropout", "residual", "norm_momentum", "inputs", "input_normalization", "problem_inputs"),
    *("secant_inputs", "embedding", "variables", "output_limit", "vector", "vector_scale"),
    *("detach_inputs", "vector_init_scale", "secant_pair", "secant_detach", "secant_relative"),
    *("compiled", "recompute"),
)
"""The order of the keywords, where they are given by position."""


class Renewed(NamedTuple):
    """What former keywords stand for."""

    arguments: dict[str, Any]
    """The arguments of :class:`LSR1`, as a config writes them."""
    penalty: dict[str, Any]
    """Fields of the task's SecantPenalty."""


def is_former(name: str, value: object) -> bool:
    """Whether an argument of LSR1 is a former keyword: ``vector`` was one, as a choice of two."""
    if name == "vector":
        return isinstance(value, str) and value in VECTORS
    return name in ORDER and name != "buffer_size"


def renewed(former: Mapping[str, Any]) -> Renewed:
    """What former keywords stand for; those that are not given stay at today's defaults.

    Raises:
        UserError: a keyword has a value that it never took.
    """
    arguments: dict[str, Any] = {}
    for name, (part, field) in MOVED.items():
        if name in former:
            arguments.setdefault(part, {})[field] = former[name]
    if "buffer_size" in former:
        arguments["buffer_size"] = former["buffer_size"]
    if "initial_curvature" in former:
        chosen = _choice("initial_curvature", former["initial_curvature"], BASES)
        arguments["base"] = _class(chosen)
    if "gradient_memory" in former:
        memory = former["gradient_memory"]
        arguments["gradient"] = (
            _class("RunningMean", memory=memory) if memory else _class("PlainGradient")
        )
    if "embedding" in former or "variables" in former:
        size = former.get("embedding", 0)
        wanted = {"size": size, "variables": former.get("variables")} if size else None
        arguments.setdefault("reads", {})["embedding"] = wanted
    if "output_limit" in former:
        arguments.setdefault("rate", {})["limit"] = former["output_limit"]
    vector = _vector(former)
    if vector is not None:
        arguments["vector"] = vector
    penalty = {}
    for name, (field, values) in PENALTY.items():
        if name in former:
            penalty[field] = _choice(name, former[name], values)
    return Renewed(arguments, penalty)


def _vector(former: Mapping[str, Any]) -> dict[str, Any] | None:
    if not former.keys() & {"vector", "vector_scale", "vector_init_scale", "output_limit"}:
        return None
    name = _choice("vector", former.get("vector", "free"), VECTORS)
    scale = _choice("vector_scale", former.get("vector_scale", "none"), SCALES)
    # Beside SR1's own vector, or a B0 that has a unit, vector_scale did nothing.
    without_unit = former.get("initial_curvature") not in _WITH_UNIT
    if scale == "secant" and name == "FreeVector" and without_unit:
        name = "SecantUnitVector"
    fields = {"vector_init_scale": "initial_scale", "output_limit": "limit"}
    return _class(name, **{new: former[old] for old, new in fields.items() if old in former})


def _choice(name: str, value: Any, known: Mapping[Any, Any]) -> Any:
    if value not in known:
        raise unknown_choice(f"LSR1 {name}", value, known)
    return known[value]


def _class(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "class_path": f"lsr1_pl.optim.{name}",
        **({"init_args": fields} if fields else {}),
    }


def takes_former_keywords(owner: Class) -> Class:
    """A class decorator for :class:`LSR1`: former keywords make the parts that they stand for.

    Raises:
        UserError: a former keyword and the part that it belongs to are both given; or one of the
            secant penalty, which is the task's, is not at its default.
    """
    initialise = owner.__init__  # type: ignore[misc]

    @functools.wraps(initialise)
    def translated(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > len(ORDER):
            raise TypeError(f"{owner.__name__} takes at most {len(ORDER)} positional arguments")
        given = dict(zip(ORDER, args, strict=False))
        given |= {name: kwargs.pop(name) for name in list(kwargs) if is_former(name, kwargs[name])}
        arguments, penalty = renewed(given)
        for name in arguments.keys() & kwargs.keys():
            same = [k for k, v in given.items() if name in renewed({k: v}).arguments]
            raise UserError(
                f"{owner.__name__} got {name} and also {', '.join(same)}; give the part alone"
            )
        changed = {k: v for k, v in penalty.items() if v != PENALTY_DEFAULTS[k]}
        if changed:
            shown = ", ".join(f"{name}={value!r}" for name, value in changed.items())
            raise UserError(
                f"{owner.__name__} knows no secant penalty; give the task, or unroll, "
                f"penalty=SecantPenalty({shown})"
            )
        initialise(self, **assembled(owner, arguments), **kwargs)

    owner.__init__ = translated  # type: ignore[misc]
    return owner
