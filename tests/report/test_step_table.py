from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pytorch_lightning import LightningModule, Trainer
from rich.console import Console

from lsr1_pl.ground.errors import UserError
from lsr1_pl.report.step_table import StepTable, plot_curves, step_table, write_curves

CURVES: Mapping[str, Mapping[str, Sequence[float]]] = {
    "error (mm)": {"ours [L=4]": [200.0, 12.25, 1.125], "theirs": [200.0, 150.0]},
    "cosine": {"ours [L=4]": [math.nan, 0.5, 1.0]},
    "never measured": {},
}


def shown(metric: str, steps: Sequence[int]) -> str:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(step_table(metric, CURVES[metric], steps))
    return capture.get()


def trainer(folder: Path | None, fn: str = "test") -> Trainer:
    return cast(
        Trainer,
        SimpleNamespace(
            is_global_zero=True,
            logger=None if folder is None else SimpleNamespace(log_dir=str(folder)),
            state=SimpleNamespace(fn=fn),
        ),
    )


def task(**attributes: Any) -> LightningModule:
    return cast(LightningModule, SimpleNamespace(**attributes))


def test_table_shows_the_asked_steps_that_were_reached() -> None:
    text = shown("error (mm)", [0, 2, 8])
    header = next(line for line in text.splitlines() if "solver" in line)
    assert [cell.strip() for cell in header.strip("┃\n ").split("┃")] == ["solver", "0", "2"]
    ours = next(line for line in text.splitlines() if "ours" in line)
    assert [cell.strip() for cell in ours.strip("│ ").split("│")] == ["ours [L=4]", "200.0", "1.12"]
    theirs = next(line for line in text.splitlines() if "theirs" in line)
    assert [c.strip() for c in theirs.strip().strip("│").split("│")] == ["theirs", "200.0", ""]


def test_a_value_that_does_not_exist_is_an_empty_cell() -> None:
    assert "nan" not in shown("cosine", [0, 1])


def test_csv_holds_every_step_of_every_solver(tmp_path: Path) -> None:
    write_curves(tmp_path / "curves.csv", CURVES)
    with (tmp_path / "curves.csv").open(newline="") as file:
        rows = [tuple(row.values()) for row in csv.DictReader(file)]
    assert len(rows) == 8
    assert ("error (mm)", "theirs", "1", "150.0") in rows
    assert list(tmp_path.iterdir()) == [tmp_path / "curves.csv"]


def test_plot_bears_values_that_are_not_finite(tmp_path: Path) -> None:
    curves = {"error": {"diverging": [1.0, math.inf, math.nan], "absent": []}}
    plot_curves(tmp_path / "curves.png", curves, "3 people")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "curves.pdf").read_bytes().startswith(b"%PDF")
    assert {path.name for path in tmp_path.iterdir()} == {"curves.png", "curves.pdf"}


def test_after_a_test_the_run_folder_holds_table_and_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated = task(curves=CURVES, curves_note="7 people, [seen] from the front")
    StepTable([0, 1]).on_test_end(trainer(tmp_path), evaluated)
    assert {path.name for path in tmp_path.iterdir()} == {"curves.csv", "curves.png", "curves.pdf"}
    printed = capsys.readouterr().out
    assert "7 people, [seen] from the front" in printed
    assert "never measured" not in printed
    assert "error (mm) after n inner steps" in printed
    by_evaluations = task(curves=CURVES, curves_note="", curves_unit="evaluation")
    StepTable([0, 1]).on_test_end(trainer(tmp_path), by_evaluations)
    assert "error (mm) after n evaluations" in capsys.readouterr().out


def test_validation_inside_a_fit_stays_quiet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated = task(curves=CURVES, curves_note="note")
    StepTable().on_validation_end(trainer(tmp_path, fn="fit"), evaluated)
    assert capsys.readouterr().out == ""
    StepTable().on_validation_end(trainer(tmp_path, fn="validate"), evaluated)
    assert "note" in capsys.readouterr().out


@pytest.mark.parametrize("steps", [[], [-1, 2]])
def test_steps_must_be_named_and_not_negative(steps: list[int]) -> None:
    with pytest.raises(UserError, match="StepTable steps"):
        StepTable(steps)


def test_a_task_without_curves_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="keeps no curves"):
        StepTable().on_test_end(trainer(tmp_path), task())
