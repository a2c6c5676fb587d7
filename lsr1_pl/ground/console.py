"""What reaches a terminal: tables and messages, with foreign names made harmless."""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 120
_UNUSUAL = re.compile(r"[^ -~\n\t]")
_BRACKET = re.compile(r"(\\*)\[([a-z#/@][^\[]*?\])?")


def console(width: int = _PIPE_WIDTH) -> Console:
    """A console as wide as the terminal; of ``width`` columns where the output is no terminal.

    It makes no pictures of names such as ``:smile:``.
    """
    # Here, so that messages and help do not wait for it.
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width, emoji=False)


def plain(text: object) -> str:
    """``text`` without what a terminal obeys: such characters are spelled out, as ``\\x1b``.

    They are control characters, those that turn the direction of writing, and lone surrogates,
    which no output can encode. Line ends and tabs stay.
    """
    return _UNUSUAL.sub(lambda found: _harmless(found[0]), str(text))


def encodable(text: object) -> str:
    """``text`` for files and arrays: lone surrogates, which UTF-8 lacks, are spelled out.

    They come from JSON, and from file names whose bytes are no UTF-8.
    """
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def shown(text: object) -> str:
    """:func:`plain`, and rich prints it as it stands: ``[red]`` is no colour in it."""
    # rich's own function forgets a backslash before a bracket, and doubles one at the end.
    return _BRACKET.sub(_escaped, plain(text))


def _escaped(bracket: re.Match[str]) -> str:
    before, tag = len(bracket[1]), bracket[2] or ""
    # Before a tag, two backslashes stand for one, and a single one makes it text; before any other
    # bracket, rich drops one.
    return "\\" * (2 * before + 1 if tag else before + 1) + "[" + tag


def _harmless(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Cs"):
        return character.encode("unicode_escape").decode("ascii")
    return character
