"""The run that measures seeds side by side, at toy size."""

from __future__ import annotations

import json
import sys

import pytest
import stacked_seeds
import torch


def test_each_width_prints_its_ratios(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--widths", "4", "--problems", "4", "--turns", "1"]
    monkeypatch.setattr(sys, "argv", ["stacked_seeds", *words])
    # The run takes one thread; the tests after this one keep theirs.
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    stacked_seeds.main()
    (row,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert row["width"] == 4
    assert min(row["bound"], row["networks_in_turn"], row["networks_stacked"]) > 0
