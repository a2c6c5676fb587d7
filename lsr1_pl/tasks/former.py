"""Former keywords of tasks, in programs: one mechanism for all of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import SecantPenalty
from lsr1_pl.pretrained.former_tasks import CHOSEN_LOSS, MOVED, WEIGHT, loss_class
from lsr1_pl.tasks import meta_losses
from lsr1_pl.tasks.unrolling import Unroll

Class = TypeVar("Class", bound=type)

_FIRST: Mapping[str, Callable[[], Any]] = {"unroll": Unroll, "penalty": SecantPenalty}
"""Parts, where a class has no default of its own."""


def takes_former_keywords(*order: str) -> Callable[[Class], Class]:
    """A class decorator: a former keyword sets its field in the class's own default part.

    ``FunctionTask(optimizer, steps=4)`` is ``FunctionTask(optimizer, Unroll(steps=4))``.

    Args:
        order: the arguments, as they were given by position when ``steps`` was among them; a
            number where ``unroll`` stands today says that they are given so.

    Raises:
        UserError: when an object is made with a part and a former keyword that belongs to it.
    """

    def decorated(owner: Class) -> Class:
        initialise = owner.__init__  # type: ignore[misc]
        parameters = inspect.signature(initialise).parameters
        names = [name for name in parameters if name != "self"]

        @functools.wraps(initialise)
        def translated(self: Any, *args: Any, **kwargs: Any) -> None:
            given = dict(zip(names, args, strict=False))
            if order and isinstance(given.get("unroll"), int):
                args, kwargs = (), {**_by_position(owner, order, args), **kwargs}
            here = {*names[: len(args)], *kwargs}
            fields: dict[str, dict[str, Any]] = {}
            for name in _former(kwargs, parameters):
                value = kwargs.pop(name)
                places = MOVED.get(name, (("loss", ""),))
                for part, field in places:
                    # Lightning's load_from_checkpoint gives the defaults beside what it saved.
                    whole = part in kwargs and kwargs[part] == parameters[part].default
                    if part in here and not whole:
                        raise UserError(
                            f"{owner.__name__} got {part} and also {name}; give {part} alone"
                        )
                    if name == CHOSEN_LOSS:
                        kwargs[part] = _loss(value)
                    else:
                        fields.setdefault(part, {})[field] = value
            for part, given in fields.items():
                default = parameters[part].default
                begun = _FIRST[part]() if default is inspect.Parameter.empty else default
                kwargs[part] = replace(begun, **given)
            initialise(self, *args, **kwargs)

        owner.__init__ = translated  # type: ignore[misc]
        return owner

    return decorated


def _former(kwargs: Mapping[str, Any], parameters: Mapping[str, object]) -> list[str]:
    """The keywords that are former ones of a class with these parameters."""
    found = []
    for name in kwargs:
        parts = ["loss"] if name == CHOSEN_LOSS else [part for part, _ in MOVED.get(name, ())]
        if parts and name not in parameters and all(part in parameters for part in parts):
            found.append(name)
    return found


def _loss(name: object) -> object:
    return getattr(meta_losses, loss_class(name).rpartition(".")[2])()


def _by_position(owner: type, order: tuple[str, ...], args: tuple[Any, ...]) -> dict[str, Any]:
    if len(args) > len(order):
        raise TypeError(f"{owner.__name__} takes at most {len(order)} positional arguments")
    given = dict(zip(order, args, strict=False))
    if isinstance(given.get("penalty"), (int, float)):
        given[WEIGHT] = given.pop("penalty")
    return given
