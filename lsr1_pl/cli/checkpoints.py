"""Checkpoints that know their config."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
import yaml

from lsr1_pl.errors import UserError

CONFIG_KEY = "lsr1_config"
"""Where a checkpoint holds the resolved config of its run, as YAML text."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A Lightning checkpoint, read without running any code in it.

    Raises:
        UserError: the file is missing, no checkpoint, or holds more than tensors and plain data.
    """
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


def checkpoint_config(path: Path) -> dict[str, Any]:
    """The config of the run that wrote the checkpoint.

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
    return config


def newest_last(run_folder: Path) -> Path:
    """``last.ckpt`` of the newest version under ``run_folder`` that has one.

    Raises:
        UserError: there is none.
    """
    found = list(run_folder.glob("version_*/checkpoints/last.ckpt"))
    if not found:
        raise UserError(
            f"--ckpt last: {run_folder} holds no version_*/checkpoints/last.ckpt; name a file"
        )
    return max(found, key=lambda path: int(path.parts[-3].removeprefix("version_")))
