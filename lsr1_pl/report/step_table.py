"""What an evaluation found at each inner step: a table, a CSV file and a plot."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from pytorch_lightning import Callback, LightningModule, Trainer
from rich.table import Table

from lsr1_pl.ground.console import console, plain, shown
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import written
from lsr1_pl.report.figure_text import as_written
from lsr1_pl.report.paths import short
from lsr1_pl.report.run_folder import run_folder

Curves = Mapping[str, Mapping[str, Sequence[float]]]
"""Metric -> solver -> value at each inner step, the start first."""


_COLUMNS = 100


class HasCurves(Protocol):
    """A task that was evaluated."""

    curves: Curves
    curves_note: str


class StepTable(Callback):
    """After test or validate: prints each metric by inner step, writes curves.csv and curves.png.

    Args:
        steps: the inner steps that the printed table shows; the files hold all.
    """

    def __init__(self, steps: Sequence[int] = (0, 1, 2, 4, 8)) -> None:
        if not steps or min(steps) < 0:
            raise UserError(f"StepTable steps is {list(steps)}; name one inner step or more, >= 0")
        self.steps = sorted(set(steps))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the test."""
        self._report(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report a validation that stands for itself; those within a fit are in its logs."""
        if trainer.state.fn == "validate":
            self._report(trainer, pl_module)

    def _report(self, trainer: Trainer, task: LightningModule) -> None:
        if not hasattr(task, "curves"):
            raise UserError(
                f"StepTable: {type(task).__name__} keeps no curves by inner step; "
                "take StepTable out of trainer.callbacks"
            )
        if not trainer.is_global_zero:
            return
        evaluated = cast(HasCurves, task)
        terminal = console(_COLUMNS)
        for metric, by_solver in evaluated.curves.items():
            if by_solver:
                terminal.print(step_table(metric, by_solver, self.steps))
        print(plain(evaluated.curves_note))
        folder = run_folder(trainer)
        if folder is not None:
            table, plot = folder / "curves.csv", folder / "curves.png"
            write_curves(table, evaluated.curves)
            plot_curves(plot, evaluated.curves, evaluated.curves_note)
            print(plain(f"All steps: {short(table)} and {short(plot)}"))


def step_table(
    metric: str, by_solver: Mapping[str, Sequence[float]], steps: Sequence[int]
) -> Table:
    """A table of one metric: a row a solver, a column a step; steps beyond a run are left out."""
    reached = [k for k in steps if any(k < len(curve) for curve in by_solver.values())]
    table = Table(title=f"{shown(metric)} after n inner steps", title_justify="left")
    table.add_column("solver")
    for k in reached:
        table.add_column(str(k), justify="right")
    for solver, curve in by_solver.items():
        cells = [_cell(curve[k]) if k < len(curve) else "" for k in reached]
        table.add_row(shown(solver), *cells)
    return table


def write_curves(path: Path, curves: Curves) -> None:
    """One row for each metric, solver and step, written whole or not at all."""
    with (
        written(path) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["metric", "solver", "step", "value"])
        for metric, by_solver in curves.items():
            for solver, curve in by_solver.items():
                writer.writerows([metric, solver, k, value] for k, value in enumerate(curve))


def plot_curves(path: Path, curves: Curves, note: str) -> None:
    """One panel a metric, one line a solver; PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = {metric: c for metric, c in curves.items() if any(any(v) for v in c.values())}
    figure = Figure(figsize=(5 * max(1, len(drawn)), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    for position, (metric, by_solver) in enumerate(drawn.items()):
        axes = figure.add_subplot(1, len(drawn), position + 1)
        for solver, curve in by_solver.items():
            finite = [v if math.isfinite(v) else math.nan for v in curve]
            axes.plot(range(len(curve)), finite, marker=".", label=as_written(solver))
        axes.set_xlabel("inner step")
        axes.set_ylabel(as_written(metric))
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    figure.suptitle(as_written(note), fontsize="small", wrap=True)
    with written(path) as partial:
        figure.savefig(partial, dpi=110, format="png")


def _cell(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
