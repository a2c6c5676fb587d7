"""The command that goes on from a checkpoint which this training wrote, as it is typed."""

from __future__ import annotations

import shlex
from pathlib import Path

from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained import checkpoint_config, foreign_config
from lsr1_pl.report import short


def next_command(verb: str, checkpoint: Path) -> str:
    """``lsr1 VERB --ckpt FILE``, with trust in the file where its config needs that.

    A config may name classes, places and connections of its user, and of a checkpoint only listed
    ones are taken without trust.
    """
    words = ["lsr1", verb, "--ckpt", short(checkpoint)]
    config = checkpoint_config(checkpoint)
    if verb != "fit":
        config.pop("wandb", None)
    try:
        _, left_out = foreign_config(checkpoint, config)
    except UserError:
        left_out = {"model": "it names classes of the user"}
    if left_out:
        words += ["--trust_checkpoint", "true"]
    return shlex.join(words)
