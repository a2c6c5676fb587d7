"""The ``lsr1`` command; its verbs stand in :mod:`lsr1_pl.cli.verbs`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from lsr1_pl import __version__
from lsr1_pl.cli.help import short_help
from lsr1_pl.cli.verbs import VERBS, run_verb
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import MEND, NO_PLACE

__all__ = ["VERBS", "main"]

_CLOSED_PIPE = 141
"""The exit code of a program that SIGPIPE ends, as shells report it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one ``lsr1`` command; the exit code: 0 done, 2 bad input (one message on stderr)."""
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader of the output has gone, as `head` does. What is still to be printed, also at
        # the interpreter's end, goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED_PIPE


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(short_help(), end="")
        return 0
    if arguments[0] == "--version":
        print(f"lsr1 {__version__}")
        return 0
    verb, rest = arguments[0], arguments[1:]
    try:
        return run_verb(verb, rest)
    except UserError as error:
        print(plain(f"lsr1: {error}"), file=sys.stderr)
        return 2
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.errno not in NO_PLACE:
            raise
        where = error.filename or "a file"
        print(plain(f"lsr1: {where}: {error.strerror}; {MEND}"), file=sys.stderr)
        return 2
    except SystemExit as ended:
        # --help and --print_config of a verb.
        return ended.code if isinstance(ended.code, int) else 0
    except KeyboardInterrupt as error:
        print(plain(f"lsr1: interrupted{str(error) and f'; {error}'}"), file=sys.stderr)
        return 130
