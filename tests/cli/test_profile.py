"""lsr1 profile."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lsr1_pl.cli import main

SMALL = [
    "--model.init_args.optimizer.init_args.hidden_dim=4",
    "--model.init_args.steps=2",
    "--data.init_args.batch_size=3",
    "--trainer.accelerator=cpu",
]


def test_it_writes_a_trace_and_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--out", "found", "--iterations", "2", "--warmup", "1"]
    assert main(["profile", "--config", "quadratics.yaml", *options, *SMALL]) == 0
    events = json.loads(Path("found/trace.json").read_text())["traceEvents"]
    traced = {event["name"] for event in events}
    assert "aten::addmm" in traced
    text = Path("found/profile.txt").read_text()
    for phase in ("inner unroll", "meta-gradient", "meta-optimiser", "data"):
        assert phase in text
    # Which operations are the longest depends on what else the machine does.
    shown = re.findall(r"^│ (\S.*?) +│ +([\d.]+) │ +[\d.]+ │ +\d+ │$", text, re.MULTILINE)
    times = [float(milliseconds) for _, milliseconds in shown]
    assert len(times) == 15
    assert times == sorted(times, reverse=True)
    assert {name for name, _ in shown if name.startswith("aten::")} <= traced
    assert "profile.txt" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found"]


def test_bad_options_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    for words, complaint in (
        (["--iterations", "0"], "at least 1"),
        (["--out", str(tmp_path / "file")], "is a file"),
    ):
        assert main(["profile", "--config", "quadratics.yaml", *words]) == 2
        assert complaint in capsys.readouterr().err
