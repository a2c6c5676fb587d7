"""What a parser or a class says of a config, made one message with the nearest known name."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer

from lsr1_pl.cli.training.help import TRAINING_OPTIONS
from lsr1_pl.cli.training.wandb_log import WandbSettings
from lsr1_pl.ground.choices import did_you_mean
from lsr1_pl.ground.errors import UserError, complaints, user_error_within
from lsr1_pl.pretrained.foreign.hints import parameters
from lsr1_pl.pretrained.foreign.table import ROOMS

_NO_CLASS = re.compile(r"Expected a dot import path string: (\S+)")
_NO_PATH = re.compile(r"Expected a path but .* either not accessible or invalid")
_REFUSED = re.compile(
    r"(?:(?:Group '(?P<group>\w+)' )?does not accept option '|Option '|unrecognized arguments: --)"
    r"(?P<key>[\w.]+)"
)
_CLASS = re.compile(r"Problem with given class_path '([\w.]+)'")
_TOP = ("model", "data", "trainer", "optimizer", "lr_scheduler", "class_path", "init_args", "help")
_LOGGING = ("wandb", "comet_ml", "mlflow", "neptune", "tensorboard", "tensorboardX")


def config_error(verb: str, configs: Sequence[Path], error: Exception) -> UserError | None:
    """The one message of what a parser, or a class that it makes, raises; None if it is a bug.

    Args:
        verb: fit, validate or test.
        configs: the files that were read.
        error: what was raised.
    """
    found = user_error_within(error)
    if found is not None:
        return found
    if type(error).__module__.partition(".")[0] in _LOGGING:
        return UserError(
            f"trainer.logger: {error}; log in first, or leave that logger out "
            "(--trainer.logger false; W&B without a login: --wandb.offline true)"
        )
    if type(error).__name__ == "ArgumentError" or _CLASS.search(str(error)):
        return UserError(_readable(verb, configs, error))
    return None


def say_left_out(source: Path, what: str, left_out: Mapping[str, str]) -> None:
    """Tell the user once what was not taken of a checkpoint."""
    if not left_out or os.environ.get("LOCAL_RANK", "0") != "0":
        return
    lines = [
        f"lsr1: {source}: not taken of its {what}, since a checkpoint may come from anywhere "
        "(to take all of a file that you trust: --trust_checkpoint true):",
        *(f"{key}: {why}" for key, why in left_out.items()),
    ]
    print("\n  ".join(lines), file=sys.stderr)


def near_option(words: Sequence[str]) -> str:
    """``; did you mean '--X'?`` of the first flag that no verb of training has; else empty."""
    known = _words()
    for word in words:
        flag = word.partition("=")[0]
        if flag.startswith("--") and flag[2:].partition(".")[0] not in known:
            return did_you_mean(flag, [f"--{name}" for name in known])
    return ""


def _readable(verb: str, configs: Sequence[Path], error: Exception) -> str:
    """jsonargparse's message with the config that it is about, and where to look."""
    named = ", ".join(map(str, configs)) or "the checkpoint's config"
    said = complaints(error)
    classes = [found[1] for line in said if (found := _CLASS.search(line))]
    lines = dict.fromkeys(_with_nearest(said, classes))
    return "\n  ".join(
        [
            f"{verb} with {named}:",
            *lines,
            f"see lsr1 {verb} --help, or --print_config for all keys",
        ]
    )


def _with_nearest(lines: Sequence[str], classes: Sequence[str]) -> Iterator[str]:
    """A parser's lines; a class or a key that is unknown is called so, with the nearest known."""
    for line in lines:
        unknown, refused = _NO_CLASS.search(line), _REFUSED.search(line)
        if unknown is not None:
            known = [name for room in ROOMS for name in import_module(room).__all__]
            near = get_close_matches(unknown[1], known, n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            yield (
                f"- {unknown[1]}: no such class; expected a class path, a part's name, or the "
                f"part's arguments as {{name: value}}{hint}"
            )
        elif refused is not None:
            group = f"{refused['group']}." if refused["group"] else ""
            yield line + _nearest(group + refused["key"], classes)
        elif not _NO_PATH.search(line):
            yield line


def _nearest(key: str, classes: Sequence[str]) -> str:
    """The nearest known name to the first part of a dotted key that is unknown."""
    own = {name for path in classes for name in _taken_by(path)}
    parts = {name for room in ROOMS for each in import_module(room).__all__
             for name in _taken_by(f"{room}.{each}")}  # fmt: skip
    before = ""
    for part in key.split("."):
        near = {"trainer": set(parameters(Trainer)[0]), "wandb": set(parameters(WandbSettings)[0])}
        pool = near.get(before) or own or set(_words())
        if part not in pool | parts | set(_words()):
            return did_you_mean(part, sorted(pool)) or did_you_mean(part, sorted(parts))
        before = part
    return ""


def _words() -> list[str]:
    """The first words of flags and the keys at the top of a config."""
    flags = {option.strip("-").partition(".")[0] for option in TRAINING_OPTIONS}
    return sorted({*_TOP, *flags, "ckpt_path"})


def _taken_by(class_path: str) -> Iterator[str]:
    module, _, name = class_path.rpartition(".")
    try:
        owner: Any = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return
    if isinstance(owner, type):
        yield from parameters(owner)[0]
