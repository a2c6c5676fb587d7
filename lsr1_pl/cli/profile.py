"""``lsr1 profile``: a few training steps of a config, and where their time goes."""

from __future__ import annotations

import argparse
import json

from lsr1_pl.ground.errors import UserError


def run(options: argparse.Namespace) -> int:
    """Run ``lsr1 profile`` with the options of its parser; ``options.others`` are those of fit.

    Raises:
        UserError: a bad option, or a config that does not fit.
    """
    if options.iterations < 1 or options.warmup < 0:
        raise UserError(
            f"--iterations {options.iterations} --warmup {options.warmup}: at least 1 and 0"
        )
    if options.out.exists() and not options.out.is_dir():
        raise UserError(f"--out {options.out}: is a file; name a folder")
    from lsr1_pl.cli.training.lightning import run_lightning

    profile = {
        "class_path": "lsr1_pl.report.StepProfile",
        "init_args": {
            "folder": str(options.out),
            "iterations": options.iterations,
            "warmup": options.warmup,
        },
    }
    return run_lightning(
        "fit",
        [
            f"--config={options.config}",
            *options.others,
            f"--trainer.max_steps={options.warmup + options.iterations}",
            "--trainer.limit_val_batches=0",
            "--trainer.logger=false",
            "--trainer.enable_checkpointing=false",
            "--trainer.enable_progress_bar=false",
            f"--trainer.callbacks={json.dumps([profile])}",
        ],
    )
