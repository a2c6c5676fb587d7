"""What every study writes: results.csv, summary.json, figures and one HTML page."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from lsr1_pl import __version__
from lsr1_pl.ground.console import console, plain, shown
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import written
from lsr1_pl.report import Page, PageTable, Section, readable, short, write_page
from lsr1_pl.report.line_figure import DASHES, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "L-SR1": "#d62728",
    "L-SR1 unprojected": "#ff9896",
    "L-BFGS": "#1f77b4",
    "L-BFGS, Armijo": "#17becf",
    "L-BFGS, strong Wolfe": "#aec7e8",
    "BFGS": "#2ca02c",
    "SR1": "#98df8a",
    "Adam": "#9467bd",
    "AdaHessian": "#8c564b",
    "gradient descent": "#7f7f7f",
    "Nesterov": "#bcbd22",
    "Newton": "#111111",
    "L-SR1 general": "#d62728",
    "its skeleton": "#ff7f0e",
    "PSD-SR1, guarded": "#e377c2",
    "conjugate gradients": "#111111",
}
"""One colour a solver, the same in every figure."""

_FURTHER_COLOURS = ("#e7298a", "#f4a6cd", "#1b9e77", "#8fd3bd", "#e6ab02", "#7570b3", "#666666")


def colours_of(solvers: Iterable[str]) -> dict[str, str]:
    """A colour for each solver: its own, or one of the colours for solvers that users add."""
    names = list(dict.fromkeys(solvers))
    added = [name for name in names if name not in COLOURS]
    further = {n: _FURTHER_COLOURS[i % len(_FURTHER_COLOURS)] for i, n in enumerate(added)}
    return {name: COLOURS.get(name) or further[name] for name in names}


def dashes_of(solvers: Iterable[str]) -> dict[str, Any]:
    """A dash pattern for each solver, so that lines are told apart without colours."""
    names = list(dict.fromkeys(solvers))
    return {name: DASHES[i % len(DASHES)] for i, name in enumerate(names)}


class Study:
    """The output folder of one study, and the page that grows in it.

    Args:
        name: the study's verb.
        title: of the page.
        out: the folder, made with its first file; those of an earlier run are replaced.
        fast: how this run is shortened; empty for the whole study.
    """

    def __init__(self, name: str, title: str, out: Path, fast: str) -> None:
        if out.exists() and not out.is_dir():
            raise UserError(f"--out {out}: is a file; name a folder")
        self.name = name
        self.out = out
        command = shlex.join(["lsr1", *sys.argv[1:]])
        self.page = Page(title=title, command=command, fast=fast)
        self.page.provenance = [f"lsr1_pl {__version__}."]
        self.summary: dict[str, Any] = {"study": name, "fast": bool(fast), "command": command}

    def write_rows(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """results.csv, whole or not at all."""
        path = self._file("results.csv")
        with (
            written(path) as partial,
            partial.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(rows)

    def save_figure(self, figure: Figure, name: str) -> Path:
        """``name``.png in the folder, and ``name``.pdf beside it."""
        return save_figure(figure, self._file(f"{name}.png"))

    def add(self, section: Section) -> None:
        """Append to the page, and print the table."""
        self.page.sections.append(section)
        if section.table is not None:
            _print_table(section.title, section.table)

    def note(self, *paragraphs: str) -> None:
        """Say how something was made, at the foot of the page."""
        self.page.provenance = [*self.page.provenance, *paragraphs]

    def save(self, results: Mapping[str, object]) -> None:
        """Write summary.json and the page: of all that is known so far."""
        self.summary["results"] = results
        path = self._file("summary.json")
        with written(path) as partial:
            partial.write_text(json.dumps(_plain(self.summary), indent=2) + "\n", encoding="utf-8")
        write_page(self._file("index.html"), self.page)

    def finish(self, results: Mapping[str, object]) -> None:
        """Write summary.json and the page, and say where they are."""
        self.save(results)
        page, rows = (short(self.out / name) for name in ("index.html", "results.csv"))
        print(plain(f"Page: {page}; rows: {rows}"))

    def _file(self, name: str) -> Path:
        self.out.mkdir(parents=True, exist_ok=True)
        return self.out / name


def new_figure(width: float, height: float) -> Figure:
    """A figure that draws without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as MatplotlibFigure

    figure = MatplotlibFigure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plain(value: Any) -> Any:
    """JSON knows neither infinity nor NaN: both become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


def _print_table(title: str, table: PageTable) -> None:
    printed = Table(title=shown(title), title_justify="left")
    for position, name in enumerate(table.columns):
        printed.add_column(shown(name), justify="right" if position else "left")
    for row in table.rows:
        printed.add_row(*(shown(readable(cell)) for cell in row))
    console().print(printed)
