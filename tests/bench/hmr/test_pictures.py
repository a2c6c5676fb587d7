"""Figures of the study of people."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsr1_pl.bench.hmr.pictures import draw_training
from lsr1_pl.bench.study import Study


def test_a_damaged_history_costs_figure_8_its_damaged_rows_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "lsr1.csv"
    history.write_bytes(
        b"step,train/meta_loss,val/pa_mpjpe\n1,5.0,\n\xff\x00,3,\n3,2.0,90.5\n4,bad,\nx,1.0,1.0\n"
    )
    (tmp_path / "none.csv").write_bytes(b"\x00\xff" * 99)
    study = Study("hmr", "Figures", tmp_path / "out", "")
    drawn = draw_training(study, {"lsr1": [history, tmp_path / "none.csv"]})
    assert drawn is not None
    said = capsys.readouterr().err
    assert "lsr1.csv: cannot be used: 2 of its 5 rows, the first in line 3" in said
    assert "none.csv: cannot be used: its first line" in said
    assert draw_training(study, {"lsr1": [tmp_path / "none.csv"]}) is None
