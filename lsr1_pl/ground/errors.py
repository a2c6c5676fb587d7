"""The one exception that a user's bad input raises, and those that it stands for."""

from __future__ import annotations

import argparse
import tokenize
import zipfile
import zlib
from typing import NoReturn

DAMAGED_ARRAYS: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy raises for npy and npz files that are damaged, or whose headers lie."""


class UserError(Exception):
    """Bad input from a user: its message names file, key, what was expected, and the mend.

    The command line prints the message alone and exits with code 2.
    """


class ArgumentParser(argparse.ArgumentParser):
    """argparse's, whose complaints are UserErrors."""

    def error(self, message: str) -> NoReturn:
        """Raise ``message`` with the usage below it."""
        raise UserError(f"{message}\n{self.format_usage().strip()}")


def add_trust(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--trust_checkpoint true`` to a parser; ``what`` it allows stands in its help."""
    parser.add_argument(
        "--trust_checkpoint",
        type=lambda word: {"true": True, "false": False}[word.lower()],
        default=False,
        metavar="true",
        help=what,
    )


def user_error_within(error: BaseException | None) -> UserError | None:
    """The UserError that another library has wrapped in an error of its own, if there is one."""
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__ or error.__context__
    return error


_NOISE = (
    "Does not validate against any of the Union subtypes",
    "Subtypes:",
    "Errors:",
    "Expected a <class 'NoneType'>",
    "Given value",
)
"""How jsonargparse says that a key is optional; what is wrong stands in the other lines."""


def complaints(error: Exception) -> list[str]:
    """The lines of a config parser's message that say what is wrong."""
    lines = [line.strip() for line in str(error).splitlines()]
    return [line for line in lines if line and not line.removeprefix("- ").startswith(_NOISE)]
