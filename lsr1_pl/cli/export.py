"""``lsr1 export``: a checkpoint as a small folder that travels."""

from __future__ import annotations

from argparse import Namespace

from lsr1_pl.cli.training.next_command import next_command
from lsr1_pl.ground.console import plain
from lsr1_pl.pretrained import export_checkpoint


def run(options: Namespace) -> None:
    """Run ``lsr1 export`` with the options of its parser.

    Raises:
        UserError: the checkpoint is unusable, or the folder is there already.
    """
    export_checkpoint(options.checkpoint, options.folder, half=options.half)
    test = next_command("test", options.folder)
    print(plain(f"{options.folder}: weights, config and card; test it: {test}"))
