"""A checkpoint made small and portable: weights as safetensors, config, curves and card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import written_folder
from lsr1_pl.pretrained.card import CARD_FILE, card
from lsr1_pl.pretrained.checkpoints import (
    CONFIG_FILE,
    HISTORY_FILE,
    WEIGHTS_FILE,
    config_of,
    read_checkpoint,
)
from lsr1_pl.pretrained.curves import history_of, write_history
from lsr1_pl.pretrained.loading import find_checkpoint

_LARGE = 10_000


def export_checkpoint(checkpoint: str | Path, folder: Path, *, half: bool = False) -> None:
    """Write weights, config and card of ``checkpoint`` into the new ``folder``, whole or not.

    What only a resumed training needs (the meta-optimiser's state) stays behind; the curves of its
    run come along, where its ``metrics.csv`` still stands beside it. The card, ``README.md``, says
    what the checkpoint knows of its training and marks the rest ``[Fill in: ...]``; an exported
    folder's own card is kept. ``lsr1 test --ckpt FOLDER``, :func:`load_pretrained` and
    ``load_task`` read the folder.

    Args:
        checkpoint: a file, a run's folder (its best), a folder that was exported before, or a
            shipped name.
        folder: is made.
        half: store tensors of more than 10,000 numbers in half precision; they are read back into
            the model's own.

    Raises:
        UserError: the checkpoint is unusable, the folder is there and not empty, or a number is
            too large for half precision.
    """
    source = find_checkpoint(checkpoint)
    content = read_checkpoint(source)
    config = config_of(source, content)
    state = {key: value.contiguous() for key, value in content["state_dict"].items()}
    history = history_of(source)
    own_card = source / CARD_FILE
    if own_card.is_file():
        about = own_card.read_text(encoding="utf-8")
    else:
        about = card(folder.name, content, config, history, half=half)
    if half:
        state = {key: _halved(key, value) for key, value in state.items()}
    write_exported(folder, state, config, about, history)


def write_exported(
    folder: Path,
    state: dict[str, Tensor],
    config: Mapping[str, Any],
    about: str,
    history: Path | None = None,
) -> None:
    """Write a checkpoint as a folder that ``lsr1 test --ckpt FOLDER`` reads, whole or not at all.

    Args:
        folder: is made.
        state: contiguous tensors by the names of the task.
        config: of the run, as ``lsr1 fit`` takes it.
        about: the card's Markdown.
        history: the run's ``metrics.csv``, if there is one.

    Raises:
        UserError: the folder is there and not empty, or cannot be written.
    """
    with written_folder(folder) as partial:
        # safetensors' own file could be read by its owner only, whatever the umask.
        (partial / WEIGHTS_FILE).write_bytes(save(state))
        text = yaml.safe_dump(dict(config), sort_keys=False)
        (partial / CONFIG_FILE).write_text(text, encoding="utf-8")
        (partial / CARD_FILE).write_text(about, encoding="utf-8")
        if history is not None:
            write_history(history, partial / HISTORY_FILE)


def _halved(key: str, value: Tensor) -> Tensor:
    if not value.is_floating_point() or value.numel() <= _LARGE:
        return value
    halved = value.half()
    if not bool(torch.isfinite(halved).all()):
        raise UserError(f"{key} holds numbers beyond half precision; export it without --half")
    return halved
