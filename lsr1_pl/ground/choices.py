"""A choice that is misspelt is refused wherever it comes from, with the ones that are known."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Iterable
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from lsr1_pl.ground.errors import UserError

Class = TypeVar("Class", bound=type)


def unknown_choice(what: str, value: object, known: Iterable[object]) -> UserError:
    """The error for a ``value`` that is none of the ``known`` ones.

    Args:
        what: the option, as its user names it: ``LBFGS line_search``.
        value: what was given.
        known: what may be given.
    """
    choices = list(known)
    names = [choice for choice in choices if isinstance(choice, str)]
    shown = ", ".join(map(repr, choices))
    return UserError(f"{what} is {value!r}; choose from {shown}{did_you_mean(value, names)}")


def did_you_mean(value: object, known: Iterable[str]) -> str:
    """``; did you mean 'X'?``, X the nearest of the ``known`` names; empty if none is near."""
    near = difflib.get_close_matches(str(value), list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def choices_checked(owner: Class) -> Class:
    """A class decorator: arguments that the class annotates as ``Literal`` are held to it.

    The class may be a dataclass. An argument that may also be of another type, such as
    ``Literal["a", "b"] | None``, is checked where it is a string.

    Raises:
        UserError: when an object is made with a choice that the annotation does not list.
    """
    initialise = owner.__init__  # type: ignore[misc]
    signature = inspect.signature(initialise)

    @functools.cache
    def choices() -> dict[str, tuple[list[object], bool]]:
        # Only when an object is made: a module may import what it annotates with last.
        split = {name: _split(hint) for name, hint in argument_hints(owner).items()}
        return {name: found for name, found in split.items() if found[0]}

    @functools.wraps(initialise)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        given = signature.bind(self, *args, **kwargs).arguments
        for name, (known, open_to_others) in choices().items():
            value = given.get(name, known[0])
            if value in known or (open_to_others and not isinstance(value, str)):
                continue
            raise unknown_choice(f"{owner.__name__} {name}", value, known)
        initialise(self, *args, **kwargs)

    owner.__init__ = checked  # type: ignore[misc]
    return owner


def argument_hints(owner: type) -> dict[str, Any]:
    """The types of a class's arguments, each resolved in the module that wrote it."""
    # The strings of an inherited field mean what they say in the module of its dataclass.
    return get_type_hints(owner if is_dataclass(owner) else owner.__init__)  # type: ignore[misc]


def _split(hint: Any) -> tuple[list[object], bool]:
    """The literals of a type hint, and whether values of other types fit it too."""
    if get_origin(hint) is Literal:
        return list(get_args(hint)), False
    if get_origin(hint) not in (Union, UnionType):
        return [], True
    literals: list[object] = []
    others = False
    for member in get_args(hint):
        if member is str:
            return [], True
        if member is NoneType:
            literals.append(None)
        elif get_origin(member) is Literal:
            literals.extend(get_args(member))
        else:
            others = True
    return (literals if any(each is not None for each in literals) else []), others
