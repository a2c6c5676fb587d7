"""The curves of a training, from its ``metrics.csv``: read row by row, however damaged it is."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lsr1_pl.ground.console import plain
from lsr1_pl.ground.files import check_regular
from lsr1_pl.pretrained.checkpoints import HISTORY_FILE

METRICS_FILE = "metrics.csv"
"""What a run logs, in the folder of its version."""

_STEP = "step"
_LONGEST_LINE = 2**20
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")
_EXPORTED = ("train/meta_loss", "val/pa_mpjpe", "val/final_value", "val/log_ratio")
_SHOWN_TRAINING_ROWS = 500


class Curves:
    """The rows of a CSV log that can be used, one after another; each iteration reads the file.

    A row is used if its line is whole, is text, has a value for each name of the first line, and
    its ``step`` is a whole number. One line at a time is in memory.

    Args:
        path: a ``metrics.csv``, or an exported ``history.csv``.

    Raises:
        UserError: ``path`` is missing or is no regular file.
    """

    def __init__(self, path: Path) -> None:
        check_regular(path)
        self.path = path
        with path.open("rb") as file:
            names = _fields(next(_lines(file), b"")) or []
        sound = _STEP in names and len(set(names)) == len(names)
        self.names: tuple[str, ...] = tuple(names) if sound else ()
        """The names of the columns, in the file's order; empty if nothing in it can be used."""
        self._lines = self._lost = self._first_lost = 0

    def __iter__(self) -> Iterator[dict[str, str]]:
        """Rows as text by name; ``step`` is a whole number, the others are as they stand."""
        self._lines = self._lost = self._first_lost = 0
        if not self.names:
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(_lines(file), start=1):
                fields = _fields(line)
                if number == 1 or fields == []:
                    continue
                self._lines += 1
                if fields is not None and len(fields) == len(self.names):
                    row = dict(zip(self.names, fields, strict=True))
                    if _WHOLE_NUMBER.fullmatch(row[_STEP]):
                        yield row
                        continue
                self._lost += 1
                self._first_lost = self._first_lost or number

    def column(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values of the rows that have a number under ``name``; NaN is one."""
        rows = [(int(row[_STEP]), number_in(row.get(name))) for row in self]
        found = [(step, value) for step, value in rows if value is not None]
        return [step for step, _ in found], [value for _, value in found]

    def unusable(self) -> str:
        """What the last whole iteration could not use, in words; empty if it used all."""
        if not self.names:
            return f"its first line does not name the columns (one must be '{_STEP}')"
        if not self._lost:
            return ""
        return f"{self._lost} of its {self._lines} rows, the first in line {self._first_lost}"

    def report(self, then: str) -> None:
        """Say in one line on stderr what could not be used, if anything, and what follows."""
        if self.unusable():
            text = f"lsr1: {self.path}: cannot be used: {self.unusable()}; {then}"
            print(plain(text), file=sys.stderr)


def number_in(text: str | None) -> float | None:
    """The number that a cell of a row holds; None if it is empty or no number."""
    try:
        return float(text or "")
    except ValueError:
        return None


def history_of(checkpoint: Path) -> Path | None:
    """The curves of a checkpoint's training: in its exported folder, or its run's metrics.csv."""
    places = (checkpoint / HISTORY_FILE, checkpoint.parent.parent / METRICS_FILE)
    return next((place for place in places if place.is_file()), None)


def write_history(source: Path, target: Path) -> None:
    """Write the chief curves of ``source``, a run's log, thinned to what a figure shows.

    Rows that cannot be used stay out; a line on stderr says so.
    """
    curves = Curves(source)
    count = sum(any(cells) for cells in map(_exported, curves))
    every = max(1, count // _SHOWN_TRAINING_ROWS)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((_STEP, *_EXPORTED))
        number = 0
        for row in curves:
            cells = _exported(row)
            if not any(cells):
                continue
            if any(cells[1:]) or number % every == 0:
                writer.writerow((row[_STEP], *cells))
            number += 1
    curves.report("the export holds the curves of the others")


def _exported(row: dict[str, str]) -> list[str]:
    cells = [row.get(name, "") for name in _EXPORTED]
    return [cell if number_in(cell) is not None else "" for cell in cells]


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines with their ends; of one that is too long, its beginning, without an end."""
    while line := file.readline(_LONGEST_LINE):
        whole = line
        while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(_LONGEST_LINE)
        yield whole


def _fields(line: bytes) -> list[str] | None:
    """The cells of a whole line; None if it is cut short or is no text."""
    if not line.endswith(b"\n"):
        return None
    try:
        text = line.decode("utf-8").rstrip("\r\n")
        return next(csv.reader([text]), []) if text.isprintable() else None
    except (ValueError, csv.Error):
        return None
