"""Checkpoints that know their config: Lightning's files, and exported folders."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lsr1_pl.ground.arrays import is_zip
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular
from lsr1_pl.ground.plain_yaml import load_yaml
from lsr1_pl.pretrained.migrate import migrated

CONFIG_KEY = "lsr1_config"
"""Where a checkpoint holds the resolved config of its run, as YAML text."""

WEIGHTS_FILE, CONFIG_FILE, HISTORY_FILE = "model.safetensors", "config.yaml", "history.csv"
"""What an exported folder holds; the last one, the curves of the training, may be missing."""

NAMED = ("last", "best")
"""Checkpoints that a run writes, and that can be named without their path."""

_SHOWN_KEYS = 4
_DAMAGED: tuple[type[Exception], ...] = (SafetensorError, *DAMAGED_ARRAYS)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A Lightning checkpoint, or what ``lsr1 export`` made of one, without running any code in it.

    Raises:
        UserError: the file is missing, no checkpoint, or holds more than tensors and plain data.
    """
    return read_exported(path) if path.is_dir() else read_lightning_file(path)


def read_lightning_file(
    path: Path,
    flag: str = "--ckpt ",
    writer: str = "lsr1 fit",
    *,
    within: Callable[[Path], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> dict[str, Any]:
    """A Lightning checkpoint, whoever wrote it, without running any code in it.

    Args:
        path: the file.
        flag: the option that named it, with a blank at its end, for messages.
        writer: what writes such files, for messages.
        within: what is in force while the file is read, by its path.

    Raises:
        UserError: the file is missing, no checkpoint, or holds more than is allowed.
    """
    check_regular(path, flag)
    if not is_zip(path):
        raise UserError(
            f"{flag}{path}: not a checkpoint (expected the zip file that {writer} writes); "
            "it may be cut short: copy or train it again"
        )
    try:
        _check_members(path)
        with within(path):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # What a damaged program of a pickle does to torch's reader has no common class.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{flag}{path}: cannot be read safely ({reason})") from None
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise UserError(f"{flag}{path}: has no key 'state_dict'; expected what {writer} writes")
    _check_tensors(f"{flag}{path}", checkpoint["state_dict"])
    return checkpoint


def _check_members(path: Path) -> None:
    """torch compresses nothing; a bomb is compressed, or names the same bytes many times."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("it is compressed")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise ValueError("it claims to hold more than it is large")


def _check_tensors(source: str, state: Any) -> None:
    """Check that all are tensors with numbers of their own: a stride of 0 makes one look many."""
    if not isinstance(state, dict):
        raise UserError(f"{source}: key 'state_dict' is a {type(state).__name__}, no table")
    for name, value in state.items():
        plain = isinstance(name, str) and isinstance(value, Tensor)
        if not plain or value.layout != torch.strided or value.device.type != "cpu":
            raise UserError(f"{source}: key 'state_dict' holds {name!r}, which is no tensor")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise UserError(
                f"{source}: key 'state_dict' holds {name!r} of shape {tuple(value.shape)}, "
                "more numbers than the file has for it"
            )


def read_exported(folder: Path) -> dict[str, Any]:
    """``state_dict`` and config of a folder that ``lsr1 export`` wrote.

    Raises:
        UserError: a file of it is missing or broken.
    """
    weights, config = folder / WEIGHTS_FILE, folder / CONFIG_FILE
    for path in (weights, config):
        if not path.exists():
            raise UserError(
                f"--ckpt {folder}: holds no {path.name}; expected a checkpoint file, a folder that "
                "lsr1 export wrote, or the folder of a run with checkpoints/best.ckpt or last.ckpt"
            )
        check_regular(path, "--ckpt ")
    try:
        state = load_file(weights)
    except _DAMAGED as error:
        raise UserError(f"--ckpt {weights}: cannot be read ({error}); export it again") from None
    try:
        text = config.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"--ckpt {config}: cannot be read ({error}); export it again") from None
    return {"state_dict": state, CONFIG_KEY: text}


def checkpoint_config(path: Path) -> dict[str, Any]:
    """The config of the run that wrote the checkpoint, less the folder that it wrote to.

    It is in today's form, whenever the checkpoint was written.

    Raises:
        UserError: the checkpoint is unusable, or was not written by ``lsr1 fit``.
    """
    return config_of(path, read_checkpoint(path))


def config_of(path: Path, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """:func:`checkpoint_config` of a checkpoint that was read already.

    Raises:
        UserError: it was not written by ``lsr1 fit``.
    """
    text = checkpoint.get(CONFIG_KEY)
    try:
        config = load_yaml(text) if isinstance(text, str) else None
    except ValueError as error:
        raise UserError(f"--ckpt {path}: its config under '{CONFIG_KEY}' is {error}") from None
    if not isinstance(config, dict):
        raise UserError(
            f"--ckpt {path}: has no config under the key '{CONFIG_KEY}', so it was not written by "
            "lsr1 fit; name its config too, with --config"
        )
    # A checkpoint travels; the folders of the machine that wrote it do not.
    if isinstance(config.get("trainer"), dict):
        config["trainer"].pop("default_root_dir", None)
    return migrated(config)


def check_weights(path: Path, model: nn.Module, prefix: str = "") -> dict[str, Any]:
    """The part of the checkpoint's ``state_dict`` under ``prefix``, which fits ``model`` exactly.

    Raises:
        UserError: the checkpoint is unusable, or its weights belong to another model.
    """
    return fitting_weights(path, read_checkpoint(path), model, prefix)


def fitting_weights(
    path: Path, checkpoint: Mapping[str, Any], model: nn.Module, prefix: str = ""
) -> dict[str, Any]:
    """:func:`check_weights` of a checkpoint that was read already.

    Raises:
        UserError: its weights belong to another model.
    """
    stored: Mapping[str, Any] = checkpoint["state_dict"]
    given = {key[len(prefix) :]: stored[key] for key in stored if key.startswith(prefix)}
    wanted = model.state_dict()
    wrong = [f"{key} is missing" for key in wanted if key not in given]
    wrong += [f"{key} is not in the model" for key in given if key not in wanted]
    wrong += [
        f"{key} is {tuple(given[key].shape)}, the model's {tuple(tensor.shape)}"
        for key, tensor in wanted.items()
        if key in given and given[key].shape != tensor.shape
    ]
    if wrong:
        more = f"; and {len(wrong) - _SHOWN_KEYS} more" if len(wrong) > _SHOWN_KEYS else ""
        raise UserError(
            f"--ckpt {path}: its weights do not fit the configured model "
            f"({'; '.join(wrong[:_SHOWN_KEYS])}{more}); use the checkpoint's own config: leave out "
            "--config and --model options"
        )
    return given


def newest(name: str, run_folder: Path) -> Path:
    """``last.ckpt`` or ``best.ckpt`` of the newest version under ``run_folder`` that has one.

    Raises:
        UserError: there is none.
    """
    found = list(run_folder.glob(f"version_*/checkpoints/{name}.ckpt"))
    if not found:
        raise UserError(
            f"--ckpt {name}: {run_folder} holds no version_*/checkpoints/{name}.ckpt; name a file, "
            "or its run with --name"
        )
    return max(found, key=lambda path: path.stat().st_mtime)
