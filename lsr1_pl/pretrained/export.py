"""A checkpoint made small and portable: weights as safetensors, config, curves and card."""

from __future__ import annotations

import csv
import shutil
import tempfile
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained.card import CARD_FILE, card
from lsr1_pl.pretrained.checkpoints import (
    CONFIG_FILE,
    HISTORY_FILE,
    WEIGHTS_FILE,
    checkpoint_config,
    read_checkpoint,
)

_LARGE = 10_000
_CURVES = ("train/meta_loss", "val/pa_mpjpe", "val/final_value", "val/log_ratio")


def export_checkpoint(checkpoint: Path, folder: Path, *, half: bool = False) -> None:
    """Write weights, config and card of ``checkpoint`` into the new ``folder``, whole or not.

    What only a resumed training needs (the meta-optimiser's state) stays behind; the curves of its
    run come along, where its ``metrics.csv`` still stands beside it. The card, ``README.md``, says
    what the checkpoint knows of its training and marks the rest ``[Fill in: ...]``; an exported
    folder's own card is kept. ``lsr1 test --ckpt FOLDER``, :func:`load_pretrained` and
    ``load_task`` read the folder.

    Args:
        checkpoint: a file, or a folder that was exported before.
        folder: is made.
        half: store tensors of more than 10,000 numbers in half precision; they are read back into
            the model's own.

    Raises:
        UserError: the checkpoint is unusable, the folder is there already, or a number is too
            large for half precision.
    """
    if folder.exists():
        raise UserError(f"{folder}: is there already; name a new folder")
    config = checkpoint_config(checkpoint)
    content = read_checkpoint(checkpoint)
    state = {key: value.contiguous() for key, value in content["state_dict"].items()}
    own_card = checkpoint / CARD_FILE
    if own_card.is_file():
        about = own_card.read_text(encoding="utf-8")
    else:
        about = card(folder.name, content, config, history_of(checkpoint), half=half)
    if half:
        state = {key: _halved(key, value) for key, value in state.items()}
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        save_file({key: value.contiguous() for key, value in state.items()}, partial / WEIGHTS_FILE)
        text = yaml.safe_dump(config, sort_keys=False)
        (partial / CONFIG_FILE).write_text(text, encoding="utf-8")
        (partial / CARD_FILE).write_text(about, encoding="utf-8")
        _write_history(checkpoint, partial / HISTORY_FILE)
        # mkdtemp and safetensors make what only the owner may read.
        (partial / WEIGHTS_FILE).chmod(0o644)
        partial.chmod(0o755)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _halved(key: str, value: Tensor) -> Tensor:
    if not value.is_floating_point() or value.numel() <= _LARGE:
        return value
    halved = value.half()
    if not bool(torch.isfinite(halved).all()):
        raise UserError(f"{key} holds numbers beyond half precision; export it without --half")
    return halved


def _write_history(checkpoint: Path, path: Path) -> None:
    """The curves of the run by step, thinned to what a figure shows."""
    source = history_of(checkpoint)
    if source is None:
        return
    with source.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if any(row.get(name) for name in _CURVES)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("step", *_CURVES))
        for number, row in enumerate(rows):
            validated = any(row.get(name) for name in _CURVES[1:])
            if validated or number % max(1, len(rows) // 500) == 0:
                writer.writerow((row["step"], *(row.get(name) or "" for name in _CURVES)))


def history_of(checkpoint: Path) -> Path | None:
    """The curves of a checkpoint's training: in its exported folder, or its run's metrics.csv."""
    places = (checkpoint / HISTORY_FILE, checkpoint.parent.parent / "metrics.csv")
    return next((place for place in places if place.is_file()), None)
