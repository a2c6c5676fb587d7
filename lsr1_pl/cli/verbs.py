"""The one table of verbs: what each is for, its parser, and the module that runs it.

The short help, the completion and the page of commands are made of this table. Nothing here loads
torch: a verb's module is imported when the verb runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from lsr1_pl.cli import parsers
from lsr1_pl.cli.bench_parser import bench_parser
from lsr1_pl.ground.errors import ArgumentParser, UserError

TRAINING = "lsr1_pl.cli.training.lightning"
"""The module of the verbs whose options are the keys of a config: they have no parser here."""


class Verb(NamedTuple):
    """A word after ``lsr1``."""

    uses: tuple[tuple[str, str], ...]
    """What it does, in a few words, and how it is called then; the main use first."""
    module: str
    """Where its function ``run(options)`` stands, which may return an exit code."""
    parser: Callable[[], ArgumentParser] | None
    """Makes the parser of its options."""
    passes_on: bool = False
    """Whether it takes over options of ``fit``: those that its parser does not know."""


VERBS: dict[str, Verb] = {
    "fit": Verb(
        (
            ("meta-train", "lsr1 fit --config hmr_open.yaml"),
            ("go on from its end", "lsr1 fit --config quadratics --ckpt last"),
        ),
        TRAINING,
        None,
    ),
    "test": Verb(
        (("test a checkpoint", "lsr1 test --name hmr_open --ckpt best"),),
        TRAINING,
        None,
    ),
    "validate": Verb(
        (("its validation set", "lsr1 validate --ckpt FILE"),),
        TRAINING,
        None,
    ),
    "compare": Verb(
        (("runs beside each other", "lsr1 compare RUN RUN --out DIR"),),
        "lsr1_pl.cli.comparing.verb",
        parsers.compare_parser,
    ),
    "predict": Verb(
        (("keypoints to bodies", "lsr1 predict OPENPOSE_FOLDER --out DIR"),),
        "lsr1_pl.cli.predict.verb",
        parsers.predict_parser,
    ),
    "bench": Verb(
        (("the paper's studies", "lsr1 bench profiles --fast"),),
        "lsr1_pl.bench",
        bench_parser,
    ),
    "profile": Verb(
        (("a step's time", "lsr1 profile --config quadratics.yaml"),),
        "lsr1_pl.cli.profile",
        parsers.profile_parser,
        passes_on=True,
    ),
    "dashboard": Verb(
        (("W&B's panels of a run", "lsr1 dashboard --list"),),
        "lsr1_pl.cli.dashboard",
        parsers.dashboard_parser,
    ),
    "export": Verb(
        (("weights, config, card", "lsr1 export best.ckpt FOLDER"),),
        "lsr1_pl.cli.export",
        parsers.export_parser,
    ),
    "doctor": Verb(
        (("what data is there", "lsr1 doctor --config hmr.yaml"),),
        "lsr1_pl.cli.doctor",
        parsers.doctor_parser,
    ),
    "data": Verb(
        (("bring in data", "lsr1 data convert amass FOLDER data/amass"),),
        "lsr1_pl.cli.data",
        parsers.data_parser,
    ),
    "completion": Verb(
        (("for the shell", 'eval "$(lsr1 completion bash)"'),),
        "lsr1_pl.cli.completion",
        parsers.completion_parser,
    ),
}
"""Every verb, in the order of the help."""


def run_verb(name: str, words: list[str]) -> int:
    """Run a verb with the words after it; the exit code.

    Raises:
        UserError: there is no such verb, its options are bad, or it finds something else wrong.
    """
    if name not in VERBS:
        raise UserError(f"no verb {name!r}; there are {', '.join(VERBS)} (see lsr1 --help)")
    verb = VERBS[name]
    if verb.parser is None:
        return _train(name, words)
    if verb.passes_on:
        options, others = verb.parser().parse_known_args(words)
        options.others = others
    else:
        options = verb.parser().parse_args(words)
    code: int | None = import_module(verb.module).run(options)
    return code or 0


def _train(name: str, words: list[str]) -> int:
    if "-h" in words or "--help" in words:
        from lsr1_pl.cli.training.help import lightning_help

        print(lightning_help(name), end="")
        return 0
    # Read when torch is loaded. How long OpenMP's idle threads spin for work: by default so
    # long that training is nine times slower on two cores that another process uses, and with
    # no spinning at all it takes twice the time on cores of its own.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    from lsr1_pl.cli.training.lightning import run_lightning

    return run_lightning(name, words)
