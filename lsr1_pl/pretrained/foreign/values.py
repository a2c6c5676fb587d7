"""Kinds of values that a foreign config may give: each says None, or what it expected."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

Kind = Callable[[object], str | None]
"""Gives None for a value of the kind, else what is expected; None is of every kind."""

_LABEL = re.compile(r"(?!.*(?://|\.\.))[\w(][\w ,.()+=*/&'-]{0,199}")
_METRIC = re.compile(r"[\w][\w /.,=()+-]{0,199}")
_FILE_NAME = re.compile(
    r"(?:[\w=-]|\{[A-Za-z_][\w/]{0,99}(?::[0-9.]{0,4}[a-z]?)?\}|\.(?!\.)){1,200}"
)
_NAME_PART = re.compile(r"[\w][\w .+=-]{0,99}")
_DURATION = re.compile(r"\d{1,4}:\d{2}:\d{2}:\d{2}")
_DEVICES = ("/dev", "/proc", "/sys")
_MOST_ITEMS = 10_000


def flag(value: object) -> str | None:
    """True or False."""
    return None if value is None or isinstance(value, bool) else "true or false"


def number(value: object) -> str | None:
    """Any number that a float holds."""
    if value is None or isinstance(value, float):
        return None
    sound = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**63
    return None if sound else "a number"


def whole(least: int, most: int) -> Kind:
    """A whole number in a range, both ends included."""
    expected = f"a whole number from {least:,} to {most:,}"

    def check(value: object) -> str | None:
        sound = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if value is None or sound else expected

    return check


def one_of(*choices: object) -> Kind:
    """One of some values."""
    expected = f"one of {', '.join(map(str, choices))}"

    def check(value: object) -> str | None:
        sound = any(value is c or (type(value) is type(c) and value == c) for c in choices)
        return None if value is None or sound else expected

    return check


def listed(kind: Kind, most: int = _MOST_ITEMS) -> Kind:
    """A list of values of one kind."""

    def check(value: object) -> str | None:
        if value is None:
            return None
        if not isinstance(value, (list, tuple)) or len(value) > most:
            return f"a list of {most:,} values at most"
        return next((f"{found} in each place" for found in map(kind, value) if found), None)

    return check


def tabled(kind: Kind) -> Kind:
    """A table of values of one kind, under labels."""

    def check(value: object) -> str | None:
        if value is None:
            return None
        if not isinstance(value, dict) or any(label(key) or key is None for key in value):
            return "a table with names"
        return next(
            (f"{found} under each name" for found in map(kind, value.values()) if found), None
        )

    return check


def label(value: object) -> str | None:
    """A name that is printed and compared, and never a path to open."""
    return _matching(_LABEL, value, "a plain name")


def metric(value: object) -> str | None:
    """The name of a logged metric."""
    return _matching(_METRIC, value, "the name of a metric")


def duration(value: object) -> str | None:
    """Days, hours, minutes and seconds."""
    return _matching(_DURATION, value, "DD:HH:MM:SS")


def file_name(value: object) -> str | None:
    """A file's name in the run's own folder: no folders, and no format that takes memory."""
    return _matching(_FILE_NAME, value, "a plain file name without folders")


def run_name(value: object) -> str | None:
    """A run's name: plain folders below the folder of runs."""
    if value is None:
        return None
    parts = value.split("/") if isinstance(value, str) else [""]
    sound = all(_NAME_PART.fullmatch(part) for part in parts)
    return None if sound else "a plain name"


def input_path(value: object) -> str | None:
    """A local file or folder to read, or a name that this package knows."""
    if value is None:
        return None
    expected = "the path of a local file or folder"
    if not isinstance(value, str) or "\0" in value or "://" in value or "::" in value:
        return expected
    path = Path(value)
    try:
        found = path.resolve()
        mode = found.stat().st_mode if path.exists() else stat.S_IFREG
    except (OSError, ValueError, RuntimeError):
        return expected
    inside = any(found == Path(place) or Path(place) in found.parents for place in _DEVICES)
    regular = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    return expected if inside or not regular else None


def _matching(pattern: re.Pattern[str], value: object, expected: str) -> str | None:
    sound = isinstance(value, str) and pattern.fullmatch(value) is not None
    return None if value is None or sound else expected
