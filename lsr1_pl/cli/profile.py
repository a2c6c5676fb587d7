"""``lsr1 profile``: a few training steps of a config, and where their time goes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from lsr1_pl.ground.errors import ArgumentParser, UserError


def main(arguments: Sequence[str]) -> int:
    """Run ``lsr1 profile ...``; the exit code.

    Raises:
        UserError: a bad option, or a config that does not fit.
    """
    options, rest = _parser().parse_known_args(arguments)
    if options.iterations < 1 or options.warmup < 0:
        raise UserError(
            f"--iterations {options.iterations} --warmup {options.warmup}: at least 1 and 0"
        )
    if options.out.exists() and not options.out.is_dir():
        raise UserError(f"--out {options.out}: is a file; name a folder")
    from lsr1_pl.cli.lightning import run_lightning

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
            *rest,
            f"--trainer.max_steps={options.warmup + options.iterations}",
            "--trainer.limit_val_batches=0",
            "--trainer.logger=false",
            "--trainer.enable_checkpointing=false",
            "--trainer.enable_progress_bar=false",
            f"--trainer.callbacks={json.dumps([profile])}",
        ],
    )


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="lsr1 profile",
        description="Runs a few training steps and writes where their time goes: profile.txt, and "
        "trace.json for chrome://tracing or ui.perfetto.dev. Other options are those of lsr1 fit.",
        epilog="lsr1 profile --config quadratics.yaml --out profile",
    )
    parser.add_argument("--config", required=True, help="a file, or the name of a packaged one")
    parser.add_argument("--out", type=Path, default=Path("runs/profile"), help="(runs/profile)")
    parser.add_argument("--iterations", type=int, default=3, help="that are profiled (3)")
    parser.add_argument("--warmup", type=int, default=3, help="before them (3)")
    return parser
