"""The long runs that measure, at toy size: each still runs and prints what its page quotes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import many_problems
import many_variables
import motion_store
import numpy as np
import predict_intrinsics
import predict_mixed_up
import predict_sequence
import predict_space
import pytest
import refine_lgd

from lsr1_pl.bench.hmr import conditions
from lsr1_pl.bench.hmr.conditions import Drawn
from lsr1_pl.data import MotionDataModule
from lsr1_pl.data.motion.store import Motion, write_store

Printed = Callable[..., list[str]]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """Runs a script as from the shell and returns the lines that it printed."""

    def run(script: ModuleType, *words: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["script", *words])
        script.main()
        return capsys.readouterr().out.splitlines()

    return run


def objects(lines: list[str]) -> list[dict[str, float]]:
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A motion store of two recordings of a body that stands and sways."""

    def motion(name: str, frames: int) -> Motion:
        poses = np.zeros((frames, 72), np.float32)
        poses[:, 5] = np.linspace(0, 0.3, frames)
        return Motion(name, "toy", poses, 30.0, frames, np.zeros((frames, 10), np.float32))

    folder = tmp_path / "store"
    write_store(folder, [motion("sway_a", 6), motion("sway_b", 4)], source="toy", licence="none")
    return folder


def test_many_problems(printed: Printed) -> None:
    lines = printed(many_problems, "--problems", "3", "--looped", "1")
    assert len(lines) == 7
    assert all("s at once" in line for line in lines)


def test_many_variables(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    # The script sets them for its processes; set here, they are taken back after the test.
    for name in many_variables.PAGES:
        monkeypatch.setenv(name, "0")
    words = ["--sizes", "100000", "--solvers", "lsr1_general", "--steps", "1"]
    measured, ratio = objects(printed(many_variables, *words))
    assert measured["N"] == 100_000
    # The state alone holds seven vectors of float32 or more.
    assert measured["peak_bytes_per_variable"] > 7 * 4
    assert ratio["time_ratio"] == ratio["user_time_ratio"] == 1
    assert 0 <= measured["system_s_per_step"] <= measured["s_per_step"]


def test_motion_store(printed: Printed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion_store, "BATCH", 4)
    folder = tmp_path / "new"
    words = ["--rows", "50", "--batches", "4", "--folder", str(folder)]
    found = json.loads("\n".join(printed(motion_store, *words)))
    assert found["rows"] == 50
    assert found["rows_a_second"] > 0
    assert len(found["memory_mib_over_time"]) == 5
    assert not folder.exists()


def test_predict_intrinsics(printed: Printed, store: Path) -> None:
    words = ["--store", str(store), "--recordings", "sway_*"]
    unknown, known = objects(printed(predict_intrinsics, *words))
    assert unknown["people"] == known["people"] == 10
    assert "hips_mm" not in unknown
    # A known camera takes the wrong view direction out of the error.
    assert known["mpjpe_mm"] < unknown["mpjpe_mm"]


def test_predict_mixed_up(printed: Printed, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Careful fits take a second, and have tests of their own.
    monkeypatch.setattr(predict_mixed_up, "thorough", lambda fitter: fitter)
    monkeypatch.setattr(predict_mixed_up, "FILES", 3)
    words = ["--store", str(store), "--recordings", "sway_*", "--people", "3"]
    case, files = objects(printed(predict_mixed_up, *words, "--cases", "random places"))
    assert case["poor"] == case["noted"] == 1
    assert case["error"] > 0.045
    assert files["recordings"] == 2


def test_predict_sequence(printed: Printed, store: Path) -> None:
    words = ["--store", str(store), "--recordings", "sway_*", "--smooth", "0.04"]
    drawn, plain, smooth = objects(printed(predict_sequence, *words))
    assert drawn == {"recordings": 2, "frames": 10}
    assert smooth["acceleration_error_mm"] < plain["acceleration_error_mm"]
    with pytest.raises(SystemExit, match="no recording is called walk"):
        printed(predict_sequence, "--store", str(store), "--recordings", "walk")


def test_predict_space(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict_space, "SETS", ("smpl24",))
    exact, noisy, whole, _, broken = objects(printed(predict_space, "--people", "12"))
    assert exact["given_median_mm"] < 10
    assert exact["given_mean_mm"] < noisy["given_mean_mm"]
    assert whole["pa_mpjpe_mm"] < 35
    assert broken["broken_views"] == 1


def test_refine_lgd(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    def data(checkpoint: str, **changes: Any) -> MotionDataModule:
        split = {"validation_recordings": ["kick"], "test_recordings": ["crawl"]}
        return MotionDataModule(batch_size=16, **split, **changes)

    monkeypatch.setattr(conditions, "motion_data", data)
    monkeypatch.setattr(refine_lgd, "_DRAWN", Drawn(3, 4))
    monkeypatch.setattr(refine_lgd, "_STEPS", 2)
    monkeypatch.setattr(refine_lgd, "_SHOWN", (0, 2))
    _, *rows = printed(refine_lgd, "--updates", "2", "--batches", "1")
    assert len(rows) == 6
    starts = [float(row.split()[-2]) for row in rows]
    # Every solver of a split begins at the same fits.
    assert len(set(starts[:3])) == len(set(starts[3:])) == 1
