"""Studies on functions: what each writes, and that its numbers are those of its runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lsr1_pl.bench.functions import tune
from lsr1_pl.bench.functions.problems import FAMILIES, FUNCTIONS, TUNED, learning_rates
from lsr1_pl.cli import main
from lsr1_pl.data import draw_family, draw_quadratics
from lsr1_pl.data.steps import step_generator
from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim import LBFGS, unroll

Study = Callable[..., tuple[list[dict[str, str]], dict[str, Any]]]


def test_quadratics(study: Study, tmp_path: Path) -> None:
    rows, results = study("quadratics", tmp_path / "out")
    # 2 buffers x 3 solvers + 4 others, 2 sizes, 8 problems, 21 steps.
    assert len(rows) == 10 * 2 * 8 * 21
    batch = draw_quadratics(8, 10, step_generator(2026, 10), max_condition=1000.0)
    path = unroll(LBFGS(8), batch.objective, batch.x0, 20)
    ours = [
        float(r["value"])
        for r in rows
        if (r["solver"], r["buffer"], r["size"], r["step"]) == ("L-BFGS", "8", "10", "20")
    ]
    torch.testing.assert_close(torch.tensor(ours), path.values[-1])
    assert set(results) == {"N=2", "N=10"}


def test_profiles(study: Study, tmp_path: Path) -> None:
    rows, results = study("profiles", tmp_path / "out")
    solvers = {row["solver"] for row in rows}
    assert {"L-SR1", "L-SR1 unprojected", *TUNED} <= solvers
    assert len(rows) == len(solvers) * len(FUNCTIONS) * 2 * 4 * 51
    areas = results["area"]
    assert isinstance(areas, dict)
    assert set(areas) == solvers
    assert all(0 <= area <= 1 for by_measure in areas.values() for area in by_measure.values())
    # One step is one gradient for Adam, two for AdaHessian; the start is one.
    last = {r["solver"]: int(r["evaluations"]) for r in rows if r["step"] == "50"}
    assert (last["Adam"], last["AdaHessian"]) == (51, 101)


def test_general(study: Study, tmp_path: Path) -> None:
    rows, results = study("general", tmp_path / "out")
    quadratics = [r for r in rows if r["part"] == "quadratic" and r["size"] == "10"]
    batch = draw_family("quadratic", 8, 10, step_generator(424242, 10, *b"quadratic"))
    objective = batch.objective
    assert isinstance(objective, Quadratic)
    path = unroll(LBFGS(8), objective, batch.x0, 10)
    least = objective.minimum()
    # The best so far: L-BFGS without a search may rise.
    expected = (path.values.min(dim=0).values - least) / (path.values[0] - least)
    ours = [
        float(r["relative"])
        for r in quadratics
        if (r["solver"], r["evaluations"]) == ("L-BFGS", "10")
    ]
    torch.testing.assert_close(torch.tensor(ours, dtype=torch.float64), expected)
    # No method of gradients is below conjugate gradients with exact searches.
    limit = {
        r["start"]: float(r["relative"])
        for r in quadratics
        if (r["solver"], r["evaluations"]) == ("conjugate gradients", "5")
    }
    for row in quadratics:
        if row["evaluations"] == "5":
            assert float(row["relative"]) >= limit[row["start"]] - 1e-9
    assert {"trained on", "not trained on", "quadratic", "many variables"} <= set(results)
    falls = results["many variables"]
    assert isinstance(falls, list)
    assert all(fall < 0.1 for _, fall, *_ in falls)


def test_trajectories(study: Study, tmp_path: Path) -> None:
    rows, _ = study("trajectories", tmp_path / "out")
    assert len(rows) == 3 * 3 * 11
    starts = {(r["function"], r["x1"], r["x2"]) for r in rows if r["step"] == "0"}
    assert len(starts) == 3


def test_ablations_are_resumed_and_shared(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    rows, _ = study("ablations", out, "--iterations", "1", "--share", "1/2")
    files = {path: path.stat().st_mtime_ns for path in (out / "runs-1").iterdir()}
    assert len(files) == len(rows) + 1 == 10
    capsys.readouterr()
    rows, results = study("ablations", out, "--iterations", "1")
    assert len(rows) == 18
    assert all(path.stat().st_mtime_ns == time for path, time in files.items())
    assert {"as configured", "width 64", "gradient descent 0.4"} <= set(results)
    other = ["bench", "ablations", "--fast", "--out", str(out), "--iterations", "1", "--seed", "7"]
    assert main(other) == 2
    assert "holds runs of" in capsys.readouterr().err


def test_tune(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "_RATES", (1e-3, 0.5))
    rows, results = study("tune", tmp_path / "out")
    assert len(rows) == 2 * len(TUNED) * len(FAMILIES)
    assert results["gradient descent"] == {"quadratics": 0.5, "rosenbrock": 1e-3, "rastrigin": 1e-3}


def test_committed_learning_rates_are_complete() -> None:
    rates = learning_rates()
    assert {(s, f) for s in rates for f in rates[s]} == {(s, f) for s in TUNED for f in FAMILIES}
    assert all(rate > 0 for by_family in rates.values() for rate in by_family.values())


def test_minimizers(study: Study, tmp_path: Path) -> None:
    rows, results = study("minimizers", tmp_path / "out")
    assert len(rows) == len(results) * 2 * 6
    ours = [row for row in rows if row["solver"] == "L-SR1 general"]
    assert all(float(row["solved_at"]) <= float(row["evaluations"]) for row in ours)
    assert {row["success"] for row in ours if row["test"] == "defaults"} == {"True"}
    assert results["L-SR1 general"]["solved by defaults"] == 6
    assert results["L-SR1 general"]["says success, unsolved"] == 0
