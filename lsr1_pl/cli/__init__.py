"""The ``lsr1`` command: one table from verbs to functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from lsr1_pl import __version__
from lsr1_pl.cli.help import TOP, lightning_help
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import MEND, NO_PLACE

__all__ = ["VERBS", "main"]


def _lightning(verb: str) -> Callable[[list[str]], int]:
    def run(arguments: list[str]) -> int:
        if "-h" in arguments or "--help" in arguments:
            print(lightning_help(verb), end="")
            return 0
        # Read when torch is loaded. How long OpenMP's idle threads spin for work: by default so
        # long that training is nine times slower on two cores that another process uses, and with
        # no spinning at all it takes twice the time on cores of its own.
        if "OMP_WAIT_POLICY" not in os.environ:
            os.environ.setdefault("GOMP_SPINCOUNT", "10000")
        from lsr1_pl.cli.lightning import run_lightning

        return run_lightning(verb, arguments)

    return run


def _predict(arguments: list[str]) -> int:
    from lsr1_pl.cli.predict import main as predict

    return predict(arguments)


def _profile(arguments: list[str]) -> int:
    from lsr1_pl.cli.profile import main as profile

    return profile(arguments)


def _bench(arguments: list[str]) -> int:
    from lsr1_pl.bench import main as bench

    return bench(arguments)


def _export(arguments: list[str]) -> int:
    from pathlib import Path

    from lsr1_pl.ground.errors import ArgumentParser
    from lsr1_pl.pretrained import export_checkpoint

    parser = ArgumentParser(
        prog="lsr1 export",
        description="Weights (safetensors), config, curves and a card of a checkpoint, small and "
        "portable; the card marks with [Fill in: ...] what a person must add.",
    )
    parser.add_argument("checkpoint", type=Path, help="a file that lsr1 fit wrote")
    parser.add_argument("folder", type=Path, help="is made")
    parser.add_argument("--half", action="store_true", help="large tensors in half precision")
    options = parser.parse_args(arguments)
    export_checkpoint(options.checkpoint, options.folder, half=options.half)
    folder = plain(options.folder)
    print(f"{folder}: weights, config and card; test it: lsr1 test --ckpt {folder}")
    return 0


def _doctor(arguments: list[str]) -> int:
    from lsr1_pl.cli.doctor import main as doctor

    return doctor(arguments)


def _data(arguments: list[str]) -> int:
    from lsr1_pl.data.convert_command import main as convert

    return convert(arguments)


def _dashboard(arguments: list[str]) -> int:
    from lsr1_pl.cli.dashboard import main as dashboard

    return dashboard(arguments)


def _completion(arguments: list[str]) -> int:
    from lsr1_pl.cli.completion import main as completion

    return completion(arguments)


VERBS: dict[str, Callable[[list[str]], int]] = {
    "fit": _lightning("fit"),
    "validate": _lightning("validate"),
    "test": _lightning("test"),
    "predict": _predict,
    "profile": _profile,
    "bench": _bench,
    "export": _export,
    "data": _data,
    "doctor": _doctor,
    "dashboard": _dashboard,
    "completion": _completion,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one ``lsr1`` command; the exit code: 0 done, 2 bad input (one message on stderr)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(TOP, end="")
        return 0
    if arguments[0] == "--version":
        print(f"lsr1 {__version__}")
        return 0
    verb, rest = arguments[0], arguments[1:]
    try:
        if verb not in VERBS:
            raise UserError(f"no verb {verb!r}; there are {', '.join(VERBS)} (see lsr1 --help)")
        return VERBS[verb](rest)
    except UserError as error:
        print(plain(f"lsr1: {error}"), file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in NO_PLACE:
            raise
        where = error.filename or "a file"
        print(plain(f"lsr1: {where}: {error.strerror}; {MEND}"), file=sys.stderr)
        return 2
    except SystemExit as ended:
        # --help and --print_config of a verb.
        return ended.code if isinstance(ended.code, int) else 0
    except KeyboardInterrupt:
        print("lsr1: interrupted", file=sys.stderr)
        return 130
