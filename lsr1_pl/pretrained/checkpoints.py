"""Checkpoints that know their config: Lightning's files, and exported folders."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from lsr1_pl.errors import UserError

CONFIG_KEY = "lsr1_config"
"""Where a checkpoint holds the resolved config of its run, as YAML text."""

WEIGHTS_FILE, CONFIG_FILE, HISTORY_FILE = "model.safetensors", "config.yaml", "history.csv"
"""What an exported folder holds; the last one, the curves of the training, may be missing."""

NAMED = ("last", "best")
"""Checkpoints that a run writes, and that can be named without their path."""

_SHOWN_KEYS = 4


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A Lightning checkpoint, or what ``lsr1 export`` made of one, without running any code in it.

    Raises:
        UserError: the file is missing, no checkpoint, or holds more than tensors and plain data.
    """
    if path.is_dir():
        return read_exported(path)
    if not path.is_file():
        raise UserError(f"--ckpt {path}: no such file")
    if not zipfile.is_zipfile(path):
        raise UserError(
            f"--ckpt {path}: not a checkpoint (expected the zip file that lsr1 fit writes); "
            "it may be cut short: copy or train it again"
        )
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"--ckpt {path}: cannot be read safely ({reason})") from None
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise UserError(f"--ckpt {path}: has no key 'state_dict'; expected what lsr1 fit writes")
    return checkpoint


def read_exported(folder: Path) -> dict[str, Any]:
    """``state_dict`` and config of a folder that ``lsr1 export`` wrote.

    Raises:
        UserError: a file of it is missing or broken.
    """
    weights, config = folder / WEIGHTS_FILE, folder / CONFIG_FILE
    for path in (weights, config):
        if not path.is_file():
            raise UserError(
                f"--ckpt {folder}: holds no {path.name}; expected a checkpoint file, or a folder "
                "that lsr1 export wrote"
            )
    try:
        state = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise UserError(f"--ckpt {weights}: cannot be read ({error}); export it again") from None
    return {"state_dict": state, CONFIG_KEY: config.read_text(encoding="utf-8")}


def checkpoint_config(path: Path) -> dict[str, Any]:
    """The config of the run that wrote the checkpoint, less the folder that it wrote to.

    Raises:
        UserError: the checkpoint is unusable, or was not written by ``lsr1 fit``.
    """
    text = read_checkpoint(path).get(CONFIG_KEY)
    config = yaml.safe_load(text) if isinstance(text, str) else None
    if not isinstance(config, dict):
        raise UserError(
            f"--ckpt {path}: has no config under the key '{CONFIG_KEY}', so it was not written by "
            "lsr1 fit; name its config too, with --config"
        )
    # A checkpoint travels; the folders of the machine that wrote it do not.
    config.get("trainer", {}).pop("default_root_dir", None)
    return config


def check_weights(path: Path, model: nn.Module, prefix: str = "") -> dict[str, Any]:
    """The part of the checkpoint's ``state_dict`` under ``prefix``, which fits ``model`` exactly.

    Raises:
        UserError: the checkpoint is unusable, or its weights belong to another model.
    """
    stored: dict[str, Any] = read_checkpoint(path)["state_dict"]
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
