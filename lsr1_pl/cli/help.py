"""What ``lsr1 --help`` says, on 80 columns."""

from __future__ import annotations

from lsr1_pl import __version__
from lsr1_pl.cli.verbs import VERBS

_ABOUT = """\

A config is a file, or the name of one that comes with the package (an unknown
name lists them). A checkpoint knows its config, so test needs none; flags
override either:
  lsr1 fit --config quadratics.yaml --trainer.max_steps 2000
Results go to runs/NAME/version_K: metrics.csv, config.yaml, checkpoints, tables
and pictures.

  lsr1 VERB --help    the options of a verb
  lsr1 --version
"""


def short_help() -> str:
    """What ``lsr1 --help`` prints: every verb with its uses."""
    lines = [
        f"lsr1 {__version__}: learned symmetric-rank-one preconditioning (L-SR1)\n",
        "usage: lsr1 VERB [OPTIONS]\n",
    ]
    for name, verb in VERBS.items():
        word = name
        for purpose, command in verb.uses:
            lines.append(f"  {word:<11} {purpose + ':':<23} {command}")
            word = ""
    return "\n".join(lines) + "\n" + _ABOUT
