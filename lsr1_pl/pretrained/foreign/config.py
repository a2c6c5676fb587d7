"""What is taken of the config in a checkpoint that may come from anywhere: see the table."""

from __future__ import annotations

import importlib
import inspect
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from math import prod
from pathlib import Path
from typing import Any

from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.lsr1.assembly import concrete_classes
from lsr1_pl.pretrained.foreign import table
from lsr1_pl.pretrained.foreign.hints import largest, parameters, takes_callable
from lsr1_pl.pretrained.foreign.values import Kind, flag, label, number

_DEEPEST = 12
_MOST_LISTED = 10_000
_SHOWN = 80
_SECTION = ("class_path", "init_args")
_NO_HINT = object()


@dataclass
class Foreign:
    """Reads a config by the table.

    Args:
        source: the checkpoint, for messages.
        named: classes that the user's own words name; they may stand wherever their type fits.
    """

    source: Path
    named: frozenset[str] = frozenset()
    left_out: dict[str, str] = field(default_factory=dict)
    """Keys that were not taken, and what the user can do instead."""

    def config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The part of a whole config that is taken.

        Raises:
            UserError: it names a class or says something that the table lacks.
        """
        taken: dict[str, Any] = {}
        for key, value in given.items():
            if key in ("model", "data"):
                taken[key] = self.part(key, value)
            elif key == "trainer":
                taken[key] = self._trainer(value)
            elif key == "wandb":
                if value is not None:
                    self.left_out[key] = "it connects; ask for it with --wandb.project NAME"
            elif key == "name" and table.TOP[key](value):
                self.left_out[key] = "it leads to another folder; name the run with --name"
            elif key in table.TOP:
                self._check(table.TOP[key], value, key)
                taken[key] = value
            else:
                raise self._refusal(f"the key {_shown(key)}, which is unknown")
        return taken

    def part(self, place: str, section: object) -> dict[str, Any]:
        """``model``, ``data`` or the optimiser in it: a class of this package, and its arguments.

        Raises:
            UserError: as :meth:`config`.
        """
        self._part(section, place, 0)
        assert isinstance(section, dict)
        return section

    def _trainer(self, section: object) -> dict[str, Any]:
        if not isinstance(section, dict):
            raise self._refusal("a trainer that is no table of keys")
        taken: dict[str, Any] = {}
        for key, value in section.items():
            place = f"trainer.{key}"
            if key == "callbacks":
                taken[key] = self._callbacks(value)
            elif key in table.TRAINER_LEFT_OUT:
                why, silent = table.TRAINER_LEFT_OUT[key]
                if not any(value is s or (type(value) is type(s) and value == s) for s in silent):
                    self.left_out[place] = f"{why}; say it yourself with --{place}"
            elif key in table.TRAINER:
                self._check(table.TRAINER[key], value, place)
                taken[key] = value
            else:
                raise self._refusal(f"the key trainer.{_shown(key)}, which is unknown")
        return taken

    def _callbacks(self, entries: object) -> list[dict[str, Any]] | None:
        if entries is None:
            return None
        if not isinstance(entries, list):
            raise self._refusal("trainer.callbacks that is no list")
        taken = []
        for position, entry in enumerate(entries):
            place = f"trainer.callbacks[{position}]"
            class_path, arguments = self._section(entry, place)
            kinds = table.CALLBACKS.get(class_path)
            if kinds is None:
                if class_path not in self.named:
                    raise self._class_refusal(class_path)
                self._arguments(self._class(class_path), arguments, place, 0)
                taken.append(entry)
                continue
            kept = {}
            for name, value in arguments.items():
                if name in table.CALLBACKS_LEFT_OUT:
                    if value is not None:
                        why = table.CALLBACKS_LEFT_OUT[name]
                        self.left_out[f"{place}.{name}"] = f"{why}; say it in a config of yours"
                    continue
                kept[name] = value
                self._listed_argument(kinds, name, value, place)
            taken.append({"class_path": class_path, "init_args": kept})
        return taken

    def _part(self, section: object, place: str, depth: int) -> None:
        class_path, arguments = self._section(section, place)
        found = self._class(class_path)
        self._arguments(found, arguments, place, depth)
        for names in table.TOGETHER.get(found.__name__, ()):
            _, defaults = parameters(found)
            sizes = [largest(arguments.get(name, defaults.get(name))) for name in names]
            if prod(sizes) > table.TOGETHER_MOST:
                raise self._refusal(
                    f"{place}.{', '.join(dict.fromkeys(names))}: one batch of {prod(sizes):,} "
                    f"numbers; {table.TOGETHER_MOST:,} at most"
                )

    def _class(self, class_path: str) -> type:
        module, _, name = class_path.rpartition(".")
        own = class_path in self.named
        if not (own or module == "lsr1_pl" or _within(module, table.ROOMS)):
            raise self._class_refusal(class_path)
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError):
            raise self._refusal(f"the class {_shown(class_path)}, which is unknown") from None
        # A function, or what a module of the room imported, is no class of the room.
        if inspect.isclass(found) and (own or _within(found.__module__, table.ROOMS)):
            return found
        raise self._class_refusal(class_path)

    def _arguments(self, owner: type, given: dict[str, Any], place: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise self._refusal(f"{place}: classes within classes, deeper than {_DEEPEST}")
        hints, _ = parameters(owner)
        for name, value in given.items():
            inside = f"{place}.{name}"
            hint = hints.get(name, _NO_HINT)
            if hint is _NO_HINT:
                raise self._refusal(f"{inside}, an argument that {owner.__name__} does not have")
            if value is None:
                continue
            kind = table.ARGUMENTS.get(name)
            if kind is not None:
                self._check(kind, value, inside)
            else:
                self._hinted(hint, value, inside, depth + 1)

    def _hinted(self, hint: Any, value: Any, place: str, depth: int) -> None:
        """Refuse a value that its argument's type hint does not make harmless."""
        if value is None:
            return
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if _has_short_name(value):
            value = self._by__has_short_name(hint, value, place)
        if isinstance(value, dict) and "class_path" in value:
            self._made(hint, value, place, depth)
        elif origin in (typing.Union, types.UnionType):
            self._any(inner, value, place, depth)
        elif origin is typing.Literal:
            self._check(_choice(inner), value, place)
        elif hint is bool:
            self._check(flag, value, place)
        elif hint is int:
            self._check(table.COUNT, value, place)
        elif hint is float:
            self._check(number, value, place)
        elif inspect.isclass(hint) and issubclass(hint, Enum):
            self._check(_choice(tuple(hint.__members__)), value, place)
        elif inspect.isclass(origin) and issubclass(origin, Mapping) and isinstance(value, dict):
            for key, item in value.items():
                if label(key):
                    raise self._refusal(f"{place}: a name that is not plain")
                self._hinted(inner[1] if inner else object, item, f"{place}.{key}", depth)
        elif (
            inspect.isclass(origin)
            and issubclass(origin, Iterable)
            and isinstance(value, (list, tuple))
            and len(value) <= _MOST_LISTED
        ):
            for position, item in enumerate(value):
                of_item = inner[min(position, len(inner) - 1)] if inner else object
                of_item = inner[0] if of_item is Ellipsis else of_item
                self._hinted(of_item, item, f"{place}[{position}]", depth)
        elif isinstance(value, dict) and (is_dataclass(hint) or hasattr(hint, "_fields")):
            self._arguments(hint, value, place, depth)
        else:
            raise self._refusal(f"{place}: {_shown(value)}, where no such value can be given")

    def _by__has_short_name(self, hint: Any, value: Any, place: str) -> Any:
        """A part of this package with its class written out; text could name anything else."""
        kinds = [each for each in (hint, *typing.get_args(hint)) if inspect.isabstract(each)]
        if not kinds:
            return value
        section = {"class_path": value} if isinstance(value, str) else value
        for found in (each for kind in kinds for each in concrete_classes(kind)):
            if found.__name__ == section["class_path"] and _within(found.__module__, table.ROOMS):
                return {**section, "class_path": f"{found.__module__}.{found.__name__}"}
        raise self._class_refusal(section["class_path"])

    def _any(self, hints: Sequence[Any], value: Any, place: str, depth: int) -> None:
        reasons = []
        for hint in hints:
            try:
                self._hinted(hint, value, place, depth)
            except UserError as error:
                reasons.append(error)
            else:
                return
        raise next((r for r in reasons if "no such value" not in str(r)), reasons[0])

    def _made(self, hint: Any, section: dict[str, Any], place: str, depth: int) -> None:
        """An object that the config makes; jsonargparse checks that its class fits the hint."""
        class_path, arguments = self._section(section, place)
        kinds = table.CALLABLES.get(class_path)
        if kinds is None:
            self._part(section, place, depth)
            return
        if not takes_callable(hint):
            raise self._class_refusal(class_path)
        for name, value in arguments.items():
            self._listed_argument(kinds, name, value, place)

    def _listed_argument(
        self, kinds: Mapping[str, Kind], name: str, value: object, place: str
    ) -> None:
        if name not in kinds:
            if value is not None:
                raise self._refusal(f"{place}.{_shown(name)}, which it may not say")
            return
        self._check(kinds[name], value, f"{place}.{name}")

    def _section(self, section: object, place: str) -> tuple[str, dict[str, Any]]:
        """Class path and arguments; text could name a file that holds more, or a function."""
        if not isinstance(section, dict) or not isinstance(section.get("class_path"), str):
            raise self._refusal(f"{place}: {_shown(section)}, where a class_path was expected")
        extra = [key for key in section if key not in _SECTION]
        arguments = section.get("init_args")
        arguments = {} if arguments is None else arguments
        if extra or not isinstance(arguments, dict):
            raise self._refusal(f"{place}: more than class_path and init_args")
        return section["class_path"], arguments

    def _check(self, kind: Kind, value: object, place: str) -> None:
        expected = kind(value)
        if expected is not None:
            raise self._refusal(f"{place}: {_shown(value)}; expected {expected}")

    def _class_refusal(self, class_path: str) -> UserError:
        return self._refusal(f"the class {_shown(class_path)}, which is not on the list")

    def _refusal(self, what: str) -> UserError:
        return refusal(self.source, what)


def refusal(source: Path, what: str) -> UserError:
    """The error for a config that names something which it may not."""
    return UserError(
        f"{source}: its config names {what}. A checkpoint may come from anywhere, so that it can "
        "only name what docs/promises.md lists; if you trust the file, add --trust_checkpoint "
        "true; or say it yourself, in a config of yours (--config) or a flag"
    )


def _has_short_name(value: object) -> bool:
    """Whether a value is the bare name of a class, as configs may write a part."""
    name = value.get("class_path") if isinstance(value, dict) else value
    return isinstance(name, str) and name.isidentifier()


def _within(module: str, rooms: Sequence[str]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def _choice(choices: tuple[object, ...]) -> Kind:
    expected = f"one of {', '.join(map(str, choices))}"

    def check(value: object) -> str | None:
        sound = any(type(value) is type(choice) and value == choice for choice in choices)
        return None if sound else expected

    return check


def _shown(value: object) -> str:
    try:
        return plain(value if isinstance(value, str) else repr(value))[:_SHOWN]
    except (ValueError, RecursionError):
        # Python spells out no number of more than 4,300 digits.
        return f"a {type(value).__name__} too large to show"
