"""The ``lsr1`` command: one table from verbs to functions."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence

from lsr1_pl import __version__
from lsr1_pl.errors import UserError

__all__ = ["VERBS", "main"]

_HELP = f"""\
lsr1 {__version__}: learned symmetric-rank-one preconditioning (L-SR1)

usage: lsr1 VERB [OPTIONS]

  fit       meta-train:              lsr1 fit --config hmr_open.yaml
            go on where a run ended: lsr1 fit --config hmr_open.yaml --ckpt last
  test      test a checkpoint:       lsr1 test --ckpt runs/hmr_open/version_0/checkpoints/best.ckpt
  validate  its validation set:      lsr1 validate --ckpt best.ckpt
  predict   fit people to keypoints: lsr1 predict OPENPOSE_FOLDER --out DIR
  bench     the paper's studies:     lsr1 bench profiles --fast     (lsr1 bench --help: all)
  export    weights and config only: lsr1 export best.ckpt FOLDER
  doctor    what data is there:      lsr1 doctor --config hmr_open_benchmark.yaml
  data      bring in bodies, motion: lsr1 data convert amass FOLDER data/amass

A config is a file, or the name of one that comes with the package (an unknown name lists them).
A checkpoint knows its config, so test needs none; flags override either:
  lsr1 fit --config quadratics.yaml --trainer.max_steps 2000 --data.init_args.seed 1
Results go to runs/NAME/version_K: metrics.csv, config.yaml, checkpoints, tables and pictures.

  lsr1 VERB --help    every option of a verb
  lsr1 --version
"""


_NO_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MEND = (
    "make room there, or name another folder (--trainer.default_root_dir of fit and test, --out of "
    "others); what was written before is kept"
)


def _lightning(verb: str) -> Callable[[list[str]], int]:
    def run(arguments: list[str]) -> int:
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


def _bench(arguments: list[str]) -> int:
    from lsr1_pl.bench import main as bench

    return bench(arguments)


def _export(arguments: list[str]) -> int:
    from pathlib import Path

    from lsr1_pl.errors import ArgumentParser
    from lsr1_pl.pretrained import export_checkpoint

    parser = ArgumentParser(
        prog="lsr1 export", description="Weights and config of a checkpoint, small and portable."
    )
    parser.add_argument("checkpoint", type=Path, help="a file that lsr1 fit wrote")
    parser.add_argument("folder", type=Path, help="is made")
    parser.add_argument("--half", action="store_true", help="large tensors in half precision")
    options = parser.parse_args(arguments)
    export_checkpoint(options.checkpoint, options.folder, half=options.half)
    print(f"{options.folder}: weights and config; test it: lsr1 test --ckpt {options.folder}")
    return 0


def _doctor(arguments: list[str]) -> int:
    from lsr1_pl.cli.doctor import main as doctor

    return doctor(arguments)


def _data(arguments: list[str]) -> int:
    from lsr1_pl.data.convert_command import main as convert

    return convert(arguments)


VERBS: dict[str, Callable[[list[str]], int]] = {
    "fit": _lightning("fit"),
    "validate": _lightning("validate"),
    "test": _lightning("test"),
    "predict": _predict,
    "bench": _bench,
    "export": _export,
    "data": _data,
    "doctor": _doctor,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one ``lsr1`` command; the exit code: 0 done, 2 bad input (one message on stderr)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_HELP, end="")
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
        print(f"lsr1: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in _NO_PLACE:
            raise
        print(f"lsr1: {error.filename or 'a file'}: {error.strerror}; {_MEND}", file=sys.stderr)
        return 2
    except SystemExit as ended:
        # --help and --print_config of a verb.
        return ended.code if isinstance(ended.code, int) else 0
    except KeyboardInterrupt:
        print("lsr1: interrupted", file=sys.stderr)
        return 130
