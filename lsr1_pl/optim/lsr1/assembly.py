"""L-SR1's parts from plain data, as a config holds them, and from Python."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar, get_args

from lsr1_pl.ground.choices import argument_hints, unknown_choice
from lsr1_pl.ground.errors import UserError

Class = TypeVar("Class", bound=type)


def checked_parts(owner: Class) -> Class:
    """A class decorator: an argument that is annotated as a part must be one.

    Raises:
        UserError: when an object is made with a name, a class or anything else in a part's place.
    """
    initialise = owner.__init__  # type: ignore[misc]

    @functools.wraps(initialise)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        for name, kind in parts_of(owner).items():
            if name in kwargs and not isinstance(kwargs[name], kind):
                known = ", ".join(f"{each.__name__}(...)" for each in concrete_classes(kind))
                raise UserError(
                    f"{owner.__name__} {name} is {kwargs[name]!r}; expected one of {known}"
                )
        initialise(self, *args, **kwargs)

    owner.__init__ = checked  # type: ignore[misc]
    return owner


@functools.cache
def parts_of(owner: type) -> dict[str, type]:
    """The arguments of ``owner`` that are parts, with the class of each."""
    return {
        name: hint
        for name, hint in argument_hints(owner).items()
        if is_dataclass(hint) or inspect.isabstract(hint)
    }


def assembled(owner: type, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``owner`` from plain data, each part as a config writes it.

    No module is imported for it: a part of one's own must have been imported before.

    Args:
        owner: the class, :class:`lsr1_pl.optim.LSR1` for one.
        arguments: name -> a class name, or ``{class_path, init_args}``, or the fields of a part
            that has one class alone; or the value of what is no part.

    Raises:
        UserError: a part's class is unknown.
        TypeError: a field of a part is.
    """
    kinds = parts_of(owner)
    return {
        name: _part(f"{owner.__name__} {name}", kinds[name], value) if name in kinds else value
        for name, value in arguments.items()
    }


def check_part_name(owner: type, name: str, value: Any) -> None:
    """Refuse a part that a config names by a class which is not known.

    A path of another module than this package's passes: it has not been imported yet.

    Raises:
        UserError: the name is misspelt.
    """
    kind = parts_of(owner).get(name)
    path = value.get("class_path") if isinstance(value, Mapping) else value
    if kind is None or not inspect.isabstract(kind) or not isinstance(path, str):
        return
    if path.isidentifier() or path.startswith("lsr1_pl.optim."):
        _named(f"{owner.__name__} {name}", kind, path)


def _part(what: str, kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    if isinstance(value, str):
        value = {"class_path": value}
    if not isinstance(value, Mapping):
        raise UserError(f"{what} is {value!r}; expected a class and its arguments")
    if "class_path" not in value:
        chosen, given = kind, value
    else:
        chosen, given = _named(what, kind, value["class_path"]), value.get("init_args") or {}
    hints = argument_hints(chosen)
    fields = {name: _field(f"{what} {name}", hints.get(name), each) for name, each in given.items()}
    return chosen(**fields)


def _field(what: str, hint: Any, value: Any) -> Any:
    """The value of a field, which may be a part of its own or None."""
    for member in (hint, *get_args(hint)):
        if is_dataclass(member) and isinstance(member, type) and isinstance(value, Mapping):
            return _part(what, member, value)
    return value


def _named(what: str, kind: type, path: object) -> type:
    classes: list[type] = list(concrete_classes(kind))
    for each in classes:
        ours = each.__module__.startswith("lsr1_pl.") and str(path).startswith("lsr1_pl.")
        full = f"{each.__module__}.{each.__qualname__}"
        if path in (each.__name__, full) or (
            ours and str(path).rpartition(".")[2] == each.__name__
        ):
            return each
    raise unknown_choice(what, path, [each.__name__ for each in classes])


def concrete_classes(kind: type) -> Iterator[type]:
    """The classes that may stand for ``kind``: those that are imported."""
    if not inspect.isabstract(kind):
        yield kind
    subclasses: list[type] = kind.__subclasses__()
    for each in subclasses:
        yield from concrete_classes(each)
