"""lsr1 bench fitters: people whom nobody trained on."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from lsr1_pl.bench.hmr.fitters import _Row
from lsr1_pl.bench.hmr.people import Errors
from lsr1_pl.cli import main
from lsr1_pl.data import Motion, MotionStore, open_motion_path, write_store


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A few frames of the subjects who train, validate and test; none of HDM05."""
    real = MotionStore(open_motion_path())
    poses = iter(np.array(real.poses(np.arange(0, 1200, 10))).reshape(-1, 4, 72))
    subjects = ("02", "07", "16", "17", "08", "49", "127")
    train = ("03", "05", "06", "10", "11", "12", "14", "26", "27", "29", "32", "35", "60", "61")
    motions = [
        Motion(f"{subject}_01", subject, next(poses), 30.0, 4)
        for subject in (*subjects, *train, "131")
    ]
    write_store(tmp_path / "data" / "made", motions, source="made", licence="none")
    return tmp_path / "data"


def test_fitters_are_read_at_their_steps(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--data", str(data), "--stores", "made", "--out", str(out)]
    fitters = ["--fitter", "ours=hmr_open_lifted", "lgd_open"]
    assert not main(["bench", "fitters", "--fast", *fitters, *words])
    results = json.loads((out / "summary.json").read_text(encoding="utf-8"))["results"]
    kinds = {tuple(key.split(" | ")) for key in results}
    assert {fitter for _, _, fitter in kinds} == {
        *("ours", "lgd_open", "L-BFGS, untrained", "Adam, untrained", "Gauss-Newton, untrained")
    }
    assert {condition for _, condition, _ in kinds} == {"clean", "noise 1 %"}
    assert len(kinds) == 2 * 2 * 5
    validation = next(name for name, _, _ in kinds if name.startswith("validation"))
    ours, searched, squares = (
        results[f"{validation} | clean | {name}"]
        for name in ("ours", "L-BFGS, untrained", "Gauss-Newton, untrained")
    )
    assert ours["0"] == pytest.approx(searched["0"])
    assert ours["8"] < ours["0"]
    assert searched["30"] < searched["8"]
    assert list(squares) == ["0", "1", "2", "3", "5", "8"]
    assert squares["1"] != squares["0"] == ours["0"]
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Left out" in page
    assert "HDM05" in page
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * (2 * 6 + 7 + 2 * 8) * (32 + 48)


def test_a_fitter_s_time_is_that_of_the_steps_it_is_read_at() -> None:
    row = _Row(Errors(np.array([[9.0, 8.0], [7.0, 6.0], [5.0, 4.0]]), np.zeros((3, 2)), *_TIMED), 1)
    assert row.read().tolist() == [7.0, 6.0]
    assert row.steps == [0, 1, 2]
    assert row.milliseconds() == pytest.approx(1000.0)


_TIMED = (np.array([0.0, 2.5, 4.0]), 4.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fitter", "a=hmr_open", "a=lgd_open"], "another fitter is called a"),
        (["--fitter", "lsr1_general"], "fits no people"),
        (["--fitter", "nowhere"], "nowhere"),
        (["--stores", "absent"], "absent"),
    ],
)
def test_bad_words_are_named(
    words: list[str], message: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--fast", "--data", str(data), "--out", str(tmp_path / "out")]
    assert main(["bench", "fitters", *out, *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
