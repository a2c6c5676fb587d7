"""Studies on functions: what each writes, and that its numbers are those of its runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lsr1_pl.bench.functions import profiles, tune
from lsr1_pl.bench.functions.learned.methods import (
    METHODS,
    UNTRAINED,
    families,
    measured,
    train,
)
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


def test_learned(study: Study, tmp_path: Path) -> None:
    rows, results = study("learned", tmp_path / "out", "--iterations", "2")
    trained = {method.name for method in METHODS}
    assert len(rows) == (len(trained) + len(UNTRAINED)) * 4 * 21
    assert all({*trained, *UNTRAINED} == set(kind) for kind in results.values())
    # One of the untrained solvers, on the larger problems.
    batch = draw_quadratics(16, 20, step_generator(2026, 20), max_condition=1e4)
    with torch.no_grad():
        values = unroll(LBFGS(8, "strong_wolfe"), batch.objective, batch.x0, 20).values.double()
    least = batch.objective.minimum().double()
    expected = ((values[-1] - least) / (values[0] - least)).clamp_min(0).median()
    row = results["quadratics, N = 20"]["L-BFGS, strong Wolfe"]
    assert row["after 20"] == pytest.approx(float(expected))
    # A run a method, so that a study that is stopped goes on.
    stored = sorted((tmp_path / "out" / "runs-2").glob("*seed0.json"))
    assert len(stored) == len(trained)


def test_an_optimiser_of_the_study_learns() -> None:
    (method,) = (each for each in METHODS if each.name == "MLP on momenta")
    problems = families(16, 2026)[:1]
    few, many = (
        measured(train(method, 0, count)[0], problems)[problems[0].name] for count in (1, 40)
    )
    assert many["median"][-1] < 0.7 * few["median"][-1]


@pytest.fixture
def small_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "SIZES", (4, 6))


@pytest.mark.usefixtures("small_profiles")
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


@pytest.mark.usefixtures("small_profiles")
def test_an_added_solver_stands_beside_the_papers(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = ("--solver", "mine=quadratics", "--solver", "pairs=lsr1_general")
    rows, results = study("quadratics", tmp_path / "quadratics", *added)

    def values(solver: str) -> list[str]:
        return [r["value"] for r in rows if (r["solver"], r["buffer"]) == (solver, "8")]

    assert values("mine") == values("L-SR1")
    assert values("pairs") != values("L-SR1")
    assert "pairs, L=8" in results["N=10"]
    # One of each family.
    monkeypatch.setattr(profiles, "FUNCTIONS", FUNCTIONS[-3:])
    files = "profiles_quadratics,profiles_rosenbrock,profiles_rastrigin"
    _, results = study("profiles", tmp_path / "profiles", "--solver", f"mine={files}")
    assert results["area"]["mine"]["distance"] == results["area"]["L-SR1"]["distance"]
    three = results["area of the added and the paper's three"]
    assert set(three) == {"mine", "L-BFGS", "Adam", "AdaHessian"}


@pytest.mark.parametrize("word", ["mine", "=quadratics", "mine=", "mine=a,b", "mine=quadratics,"])
def test_an_added_solver_of_another_form_is_refused(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["bench", "quadratics", "--fast", "--out", str(out), "--solver", word]) == 2
    assert f"--solver {word}: expected NAME=CKPT" in capsys.readouterr().err


def test_rows_of_the_ablations_are_chosen_by_their_name(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("--iterations", "1", "--only", "published, inputs")
    rows, results = study("ablations", tmp_path / "out", *few)
    assert len(rows) == 3
    assert "published, inputs x, s, g" in results
    capsys.readouterr()
    out = str(tmp_path / "none")
    assert main(["bench", "ablations", "--fast", "--out", out, "--only", "nothing"]) == 2
    assert "--only nothing: no row has this in its name" in capsys.readouterr().err


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
    assert len(files) == len(rows) + 1 == 13
    capsys.readouterr()
    rows, results = study("ablations", out, "--iterations", "1")
    assert len(rows) == 24
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
