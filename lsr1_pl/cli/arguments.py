"""The words after a verb, made ready for LightningCLI: configs found, the checkpoint read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lsr1_pl.cli.configs import resolve_config
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.plain_yaml import load_yaml
from lsr1_pl.pretrained import (
    NAMED,
    check_folders,
    checkpoint_config,
    find_checkpoint,
    migrated,
    migrated_options,
    newest,
    shipped,
)

HELP_ALL = "--help_all"
"""Prints every option of a verb of Lightning's; ``--help`` only the chief ones."""

_DEFAULT_NAME = "run"
DEFAULT_ROOT = "runs"


class Prepared(NamedTuple):
    """What LightningCLI gets."""

    words: list[str]
    untrusted: Path | None
    """The checkpoint whose config is among the words, unless the user trusts it."""
    configs: Sequence[Path] = ()
    """The config files that the words stand for."""


class _Words(NamedTuple):
    rest: list[str]
    """What is neither ``--config`` nor ``--ckpt``."""
    configs: list[str]
    checkpoint: str | None


def prepare_arguments(verb: str, arguments: Sequence[str]) -> Prepared:
    """Arguments for LightningCLI: configs come first, so that flags override them in any order.

    Without ``--config``, the checkpoint's own config stands in for it. ``--ckpt last`` and
    ``--ckpt best`` become the newest such file of the named run.

    Raises:
        UserError: a config or checkpoint is missing, unknown or unusable; or a checkpoint that is
            not trusted says which folder to write to.
    """
    words = _split(arguments)
    if any(_asks_for_help(word) for word in words.rest):
        shown = ["--help" if word == HELP_ALL else word for word in words.rest]
        return Prepared([verb, *shown], None)
    paths = [resolve_config(name) for name in words.configs]
    named = [f"--name={paths[-1].stem}"] if paths else []
    contents = [_mapping(path) for path in paths]
    configs = [_config_word(path, content) for path, content in zip(paths, contents, strict=True)]
    rest = words.rest
    untrusted = None
    if words.checkpoint is not None:
        path = Path(words.checkpoint)
        if words.checkpoint in NAMED:
            path = newest(words.checkpoint, _run_folder(rest, paths))
        elif not path.exists() and words.checkpoint in shipped():
            path = find_checkpoint(words.checkpoint)
        if not paths:
            config = checkpoint_config(path)
            contents = [config]
            if verb != "fit":
                # An evaluation is no part of the W&B run that the training was.
                config.pop("wandb", None)
            if (_value_of(rest, "--trust_checkpoint") or "").lower() != "true":
                untrusted = path
                check_folders(path, config)
            configs = [f"--config={json.dumps(config)}"]
        rest = [*rest, f"--ckpt={path}"]
    elif verb != "fit" and "--print_config" not in rest:
        raise UserError(f"{verb} needs a checkpoint: lsr1 {verb} --ckpt FILE")
    elif not paths:
        raise UserError(f"{verb} needs a config: lsr1 {verb} --config NAME (see lsr1 --help)")
    return Prepared([verb, *named, *configs, *migrated_options(rest, contents)], untrusted, paths)


def _config_word(path: Path, content: dict[str, Any]) -> str:
    """The file, or its content in today's form if it is written in a former one."""
    today = migrated(content)
    # jsonargparse takes a config's text in place of its path.
    return f"--config={path if today == content else json.dumps(today)}"


def _asks_for_help(word: str) -> bool:
    return word == HELP_ALL or (word.startswith("--") and word.partition("=")[0].endswith(".help"))


def _split(arguments: Sequence[str]) -> _Words:
    rest: list[str] = []
    found: dict[str, list[str]] = {"--config": [], "--ckpt": []}
    aliases = {"-c": "--config", "--ckpt_path": "--ckpt"}
    pending = iter(arguments)
    for argument in pending:
        key, equals, value = argument.partition("=")
        key = aliases.get(key, key)
        if key not in found:
            rest.append(argument)
            continue
        if not equals:
            value = next(pending, "")
        if not value:
            raise UserError(f"{key} needs a value")
        found[key].append(value)
    if len(found["--ckpt"]) > 1:
        raise UserError(f"--ckpt is given {len(found['--ckpt'])} times; give it once")
    return _Words(rest, found["--config"], next(iter(found["--ckpt"]), None))


def _run_folder(rest: Sequence[str], configs: Sequence[Path]) -> Path:
    """Where the versions of the run lie that flags and configs name."""
    root: object = DEFAULT_ROOT
    name: object = configs[-1].stem if configs else _DEFAULT_NAME
    for config in configs:
        content = _mapping(config)
        name = content.get("name") or name
        trainer = content.get("trainer")
        if isinstance(trainer, dict):
            root = trainer.get("default_root_dir") or root
    root = _value_of(rest, "--trainer.default_root_dir") or root
    name = _value_of(rest, "--name") or name
    return Path(str(root)) / str(name)


def _mapping(config: Path) -> dict[str, Any]:
    try:
        content = load_yaml(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--config {config}: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"--config {config}: expected keys and values at the top (model: ...)")
    return content


def _value_of(arguments: Sequence[str], key: str) -> str | None:
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == key:
            return value if equals else next(iter(arguments[position + 1 :]), None)
    return None
