"""The words after a verb, made ready for LightningCLI: configs found, the checkpoint read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from lsr1_pl.cli.configs import resolve_config
from lsr1_pl.cli.training.messages import near_option
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.plain_yaml import load_yaml
from lsr1_pl.pretrained import (
    NAMED,
    config_of,
    find_checkpoint,
    foreign_config,
    migrated,
    migrated_options,
    newest,
    read_checkpoint,
    task_class,
)

HELP_ALL = "--help_all"
"""Prints every option of a verb of Lightning's; ``--help`` only the chief ones."""

DEFAULT_NAME = "run"
"""Of a run that nothing names."""
DEFAULT_ROOT = "runs"
_NULL = "null"


class Prepared(NamedTuple):
    """What LightningCLI gets."""

    words: list[str]
    source: Path | None
    """The checkpoint whose config is among the words, unless the user trusts it."""
    configs: Sequence[Path] = ()
    """The config files that the words stand for."""
    trusted: bool = False
    """Whether the user trusts the checkpoint: all that it says is taken."""
    checkpoint: Mapping[str, Any] = MappingProxyType({})
    """What the checkpoint holds; empty without one."""
    left_out: Mapping[str, str] = MappingProxyType({})
    """Keys of the checkpoint's config that are not among the words, and why."""


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
        UserError: a config or checkpoint is missing, unknown or unusable; or the config of one
            that is not trusted says what it may not.
    """
    words = _split(arguments)
    if any(_asks_for_help(word) for word in words.rest):
        shown = ["--help" if word == HELP_ALL else word for word in words.rest]
        return Prepared([verb, *shown], None)
    paths = [resolve_config(name) for name in words.configs]
    contents = [_mapping(path) for path in paths]
    rest = words.rest
    task = task_class(contents, rest)
    configs = [_config_word(*each, task) for each in zip(paths, contents, strict=True)]
    source: Path | None = None
    trained = ""
    content: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    trusted = (value_of(rest, "--trust_checkpoint") or "").lower() == "true"
    if words.checkpoint is not None:
        if words.checkpoint in NAMED:
            path = newest(words.checkpoint, _run_folder(rest, paths))
        else:
            path = _checkpoint(words.checkpoint)
        content = read_checkpoint(path)
        if verb != "fit":
            trained = _name_of(path, content)
        if not paths:
            config = config_of(path, content)
            if verb != "fit":
                # An evaluation is no part of the W&B run that the training was.
                config.pop("wandb", None)
            if value_of(rest, "--name"):
                # The user's own word may lead anywhere, and stands in place of the file's.
                config.pop("name", None)
            if not trusted:
                source = path
                config, left_out = foreign_config(path, config, arguments)
                left_out = {key: why for key, why in left_out.items() if not _said(rest, key)}
            contents = [config]
            configs = [f"--config={json.dumps(config)}"]
        rest = [*rest, f"--ckpt={path}"]
    elif verb != "fit" and "--print_config" not in rest:
        raise UserError(f"{verb} needs a checkpoint: lsr1 {verb} --ckpt FILE{near_option(rest)}")
    elif not paths:
        raise UserError(
            f"{verb} needs a config: lsr1 {verb} --config NAME (see lsr1 --help){near_option(rest)}"
        )
    named: list[str] = []
    if (
        paths
        and "--print_config" not in rest
        and all(each.get("name") is None for each in contents)
    ):
        # A printed config is for other runs, too: it has no name but one that was given. What
        # evaluates a run belongs beside it.
        named = [f"--name={trained or paths[-1].stem}"]
    options = _with_nulls(migrated_options(rest, contents))
    return Prepared([verb, *configs, *named, *options], source, paths, trusted, content, left_out)


def _name_of(path: Path, checkpoint: Mapping[str, Any]) -> str:
    """The name of the run that a checkpoint is of; empty if it says none, or a path."""
    try:
        name = config_of(path, checkpoint).get("name")
    except UserError:
        return ""
    told = isinstance(name, str) and name not in (".", "..") and Path(name).name == name
    return str(name) if told else ""


def _with_nulls(options: Sequence[str]) -> list[str]:
    """The options, each null of a part within a part as a mapping of the outer one.

    Of ``--model.init_args.unroll.divergence_limit=null`` jsonargparse makes the text "None", which
    no number may be; of ``--model.init_args.unroll={"divergence_limit": null}`` it does not, and
    keeps the part's other arguments.
    """
    found: list[str] = []
    for word in options:
        key, _, value = word.partition("=")
        if word == _NULL and found:
            key, value = found[-1], word
        owner, inside = _owner_of(key)
        if value != _NULL or len(inside) < 2:
            found.append(word)
            continue
        if word == _NULL:
            found.pop()
        content: Any = None
        for name in reversed(inside[1:]):
            content = {name: content}
        found.append(f"{owner}.{inside[0]}={json.dumps(content)}")
    return found


def _owner_of(key: str) -> tuple[str, list[str]]:
    """The flag of the model or of the data that a flag is about, and the names within that."""
    path = key.split(".")
    if path[0] not in ("--model", "--data"):
        return key, []
    depth = 2 if path[1:2] == ["init_args"] else 1
    return ".".join(path[:depth]), path[depth:]


def _checkpoint(name: str) -> Path:
    try:
        return find_checkpoint(name)
    except UserError as error:
        raise UserError(f"--ckpt {error}") from None


def _said(rest: Sequence[str], key: str) -> bool:
    """Whether flags say a key, or keys within it."""
    return any(word.partition("=")[0].startswith(f"--{key}") for word in rest)


def _config_word(path: Path, content: dict[str, Any], task: str | None) -> str:
    """The file, or its content in today's form if it is written in a former one."""
    today = migrated(content, task)
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
    for config in configs:
        trainer = _mapping(config).get("trainer")
        if isinstance(trainer, dict):
            root = trainer.get("default_root_dir") or root
    root = value_of(rest, "--trainer.default_root_dir") or root
    return run_path(str(root), _run_name(rest, configs))


def _run_name(rest: Sequence[str], configs: Sequence[Path]) -> str:
    name: object = configs[-1].stem if configs else DEFAULT_NAME
    for config in configs:
        name = _mapping(config).get("name") or name
    return str(value_of(rest, "--name") or name)


def run_path(root: str, name: str) -> Path:
    """The folder of a run's versions, without links and ``..``; ``name`` may lead out of ``root``.

    The state of ModelCheckpoint holds its path, and is void under another spelling of it.

    Raises:
        UserError: the name is empty, or no path.
    """
    try:
        if not name:
            raise ValueError("it is empty")
        return Path(os.path.realpath(Path(root) / name))
    except ValueError as error:
        raise UserError(
            f"--name {plain(name)!r}: no name of a run ({error}); name another"
        ) from None


def _mapping(config: Path) -> dict[str, Any]:
    try:
        content = load_yaml(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--config {config}: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"--config {config}: expected keys and values at the top (model: ...)")
    return content


def named_run(verb: str, arguments: Sequence[str]) -> str:
    """The name of the run that words are for: their own, or that of their configs.

    Raises:
        UserError: neither says one, or a config is missing or unusable.
    """
    words = _split(arguments)
    paths = [resolve_config(name) for name in words.configs]
    given = value_of(words.rest, "--name")
    if given is None and not paths:
        raise UserError(f"{verb} needs the name of the run for --seeds: --name NAME")
    return _run_name(words.rest, paths) if given is None else given


def value_of(arguments: Sequence[str], key: str) -> str | None:
    """The value that words give a flag, as ``--key=VALUE`` or ``--key VALUE``; None without."""
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == key:
            return value if equals else next(iter(arguments[position + 1 :]), None)
    return None
