"""A checkpoint's config makes objects, and so may run code: of a foreign one, only the listed.

Two walls: :class:`~lsr1_pl.pretrained.foreign.config.Foreign` reads the config by the table before
anything is made of it, and jsonargparse's own list of names then holds for whatever it imports.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lsr1_pl.pretrained.foreign.config import Foreign, refusal
from lsr1_pl.pretrained.foreign.table import CALLABLES, CALLBACKS, ROOMS

_OF_FLAGS = ("lsr1_pl.LSR1", "lsr1_pl.PairLSR1", "lsr1_pl.cli.training.wandb_log.WandbSettings")
"""Classes that jsonargparse makes of flags; ``wandb`` is never taken from a file."""

_DENIED = re.compile(r"Importing '([^']+)' is not allowed")
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_CLASS_PATH = re.compile(r"class_path\W+([A-Za-z_][\w.]*)")


@contextmanager
def listed_classes_only(source: Path, own_words: Sequence[str] = ()) -> Iterator[None]:
    """While a config from ``source`` becomes objects: only listed classes, and little memory.

    jsonargparse checks every name that a value gives, in class paths, as callables and in files
    that a value names, and where what it names was defined.

    Args:
        source: the checkpoint, for the message.
        own_words: the user's own command line: what it names may be imported too.

    Raises:
        UserError: the config names another class; the message says which, and how to allow it.
    """
    # minimize and load_pretrained do without it.
    from jsonargparse import _common, set_parsing_settings

    # Its settings can only be tightened in public; the copy puts them back.
    before = dict(_common.parsing_settings)
    listed = {place for name in (*CALLABLES, *CALLBACKS) for place in _places(name)}
    named = {name for name in own_names(own_words) if not name.startswith("jsonargparse")}
    set_parsing_settings(
        import_path_denylist=["*"],
        import_path_allowlist=[*ROOMS, *_OF_FLAGS, *listed, *named],
    )
    try:
        yield
    except Exception as error:
        denied = _DENIED.search(str(error))
        if denied is None:
            raise
        raise refusal(source, f"the class {denied.group(1)}, which is not on the list") from None
    finally:
        _common.parsing_settings.update(before)


def foreign_config(
    source: Path, config: dict[str, Any], own_words: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, str]]:
    """What is taken of a checkpoint's config, and what is left out: why, and how to say it oneself.

    Args:
        source: the checkpoint, for messages.
        config: as the file has it.
        own_words: the user's own command line: classes that it names may stand in the config too.

    Raises:
        UserError: the config says something that the table does not have.
    """
    reader = Foreign(source, frozenset(own_names(own_words)))
    taken = reader.config(config)
    return taken, reader.left_out


def foreign_part(source: Path, place: str, section: object) -> dict[str, Any]:
    """A section of a checkpoint's config that makes one object, checked by the table.

    Raises:
        UserError: it says something that the table does not have.
    """
    return Foreign(source).part(place, section)


def own_names(words: Sequence[str]) -> Iterator[str]:
    """Dotted names that words give as values, each also by where it was defined."""
    for word in words:
        value = word.partition("=")[2] if word.startswith("-") else word
        for name in (*filter(_NAME.fullmatch, [value]), *_CLASS_PATH.findall(value)):
            yield from _places(name)


def _places(name: str) -> Iterator[str]:
    """A dotted name, and where what it names was defined."""
    yield name
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError):
        return
    defined = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
    if _NAME.fullmatch(defined):
        yield defined
