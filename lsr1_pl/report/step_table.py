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
from lsr1_pl.metrics.suboptimality import SUBOPTIMALITY
from lsr1_pl.report.line_figure import Chart, Line, draw_charts, save_figure
from lsr1_pl.report.paths import short
from lsr1_pl.report.run_folder import run_folder

Curves = Mapping[str, Mapping[str, Sequence[float]]]
"""Metric -> solver -> value at each inner step, the start first."""


_COLUMNS = 100
_STEP = "inner step"


VALUE = "value"
"""How curves call the objective."""


class HasCurves(Protocol):
    """A task that was evaluated."""

    curves: Curves
    curves_note: str


class StepTable(Callback):
    """After test or validate: prints each metric by inner step, writes curves.csv, curves.png and
    curves.pdf.

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
        unit = getattr(task, "curves_unit", _STEP)
        terminal = console(_COLUMNS)
        for metric, by_solver in evaluated.curves.items():
            if by_solver:
                terminal.print(step_table(metric, by_solver, self.steps, unit))
        print(plain(evaluated.curves_note))
        folder = run_folder(trainer)
        if folder is not None:
            table, plot = folder / "curves.csv", folder / "curves.png"
            write_curves(table, evaluated.curves)
            plot_curves(plot, evaluated.curves, evaluated.curves_note, unit)
            print(plain(f"All steps: {short(table)}, {short(plot)} and {plot.stem}.pdf"))


def step_table(
    metric: str,
    by_solver: Mapping[str, Sequence[float]],
    steps: Sequence[int],
    unit: str = _STEP,
) -> Table:
    """A table of one metric: a row a solver, a column a step; steps beyond a run are left out."""
    reached = [k for k in steps if any(k < len(curve) for curve in by_solver.values())]
    table = Table(title=f"{shown(metric)} after n {unit}s", title_justify="left")
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


def plot_curves(path: Path, curves: Curves, note: str, unit: str = _STEP) -> None:
    """One panel a metric, one line a solver; PNG, and a PDF beside it.

    Where the curves have a suboptimality, it stands in place of the values: on one axis with
    their minimum, values near it cannot be told apart.
    """
    drawn = {metric: c for metric, c in curves.items() if any(any(v) for v in c.values())}
    if SUBOPTIMALITY in drawn:
        drawn.pop(VALUE, None)
    charts = [
        Chart(
            unit,
            metric,
            [Line(solver, range(len(curve)), curve) for solver, curve in by_solver.items()],
        )
        for metric, by_solver in drawn.items()
    ]
    save_figure(draw_charts(charts, note), path)


def _cell(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
