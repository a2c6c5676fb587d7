"""Which classes a checkpoint may name: its config makes objects, and so may run code."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from jsonargparse import _common, set_parsing_settings

from lsr1_pl.ground.errors import UserError

TRUSTED = ("lsr1_pl", "torch.optim", "pytorch_lightning.callbacks")
"""Modules whose classes any checkpoint may name."""

_UNTRUSTED = (
    # It calls whatever function it is given.
    "pytorch_lightning.callbacks.LambdaCallback",
    "pytorch_lightning.callbacks.lambda_function",
)
_DENIED = re.compile(r"Importing '([^']+)' is not allowed")
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_CLASS_PATH = re.compile(r"class_path\W+([A-Za-z_][\w.]*)")


@contextmanager
def trusted_classes_only(source: Path, own_words: Sequence[str] = ()) -> Iterator[None]:
    """While a config from ``source`` is parsed: only classes of :data:`TRUSTED` are imported.

    jsonargparse checks every name that a value gives, in class paths, as callables and in files
    that a value names, and where what it names was defined.

    Args:
        source: the checkpoint, for the message.
        own_words: the user's own command line: what it names may be imported too.

    Raises:
        UserError: the config names another class; the message says which, and how to allow it.
    """
    # Its settings can only be tightened in public; the copy puts them back.
    before = dict(_common.parsing_settings)
    own = [name for name in _named(own_words) if not name.startswith("jsonargparse")]
    set_parsing_settings(
        import_path_denylist=["*", *_UNTRUSTED], import_path_allowlist=[*TRUSTED, *own]
    )
    try:
        yield
    except Exception as error:
        denied = _DENIED.search(str(error))
        if denied is None:
            raise
        raise UserError(_refusal(source, f"the class {denied.group(1)}")) from None
    finally:
        _common.parsing_settings.update(before)


def check_folders(source: Path, config: dict[str, Any]) -> None:
    """Refuse a checkpoint's config that says where to write, outside the folder of runs.

    Raises:
        UserError: a callback's ``dirpath`` is set, or the run's name leads out of that folder.
    """
    name = PurePath(str(config.get("name") or "run"))
    if name.is_absolute() or ".." in name.parts:
        raise UserError(_refusal(source, f"the run '{name}', which leads to another folder"))
    for folder in _values_of("dirpath", config):
        raise UserError(_refusal(source, f"the folder {folder} to write to"))


def _values_of(key: str, section: Any) -> Iterator[Any]:
    """What is under a key at any depth, None left out."""
    if isinstance(section, dict):
        if section.get(key) is not None:
            yield section[key]
        for value in section.values():
            yield from _values_of(key, value)
    elif isinstance(section, list):
        for value in section:
            yield from _values_of(key, value)


def _refusal(source: Path, what: str) -> str:
    return (
        f"{source}: its config names {what}; a checkpoint may only name classes of "
        f"{', '.join(TRUSTED)}, and no folders; if you trust the file, add --trust_checkpoint "
        "true; or say it yourself, in a config of yours (--config) or a flag"
    )


def _named(words: Sequence[str]) -> Iterator[str]:
    """Dotted names that words give as values, each also by where it was defined."""
    for word in words:
        value = word.partition("=")[2] if word.startswith("-") else word
        for name in (*filter(_NAME.fullmatch, [value]), *_CLASS_PATH.findall(value)):
            yield name
            module, _, attribute = name.rpartition(".")
            try:
                found = getattr(importlib.import_module(module), attribute)
            except (ImportError, AttributeError, ValueError):
                continue
            defined = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
            if _NAME.fullmatch(defined):
                yield defined
