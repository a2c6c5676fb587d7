from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer

from lsr1_pl.report.bodies import fits_figure
from lsr1_pl.report.bodies.drawing import Panel
from lsr1_pl.report.bodies.fits_figure import FitsFigure, draw_fits

FACES = torch.tensor([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])


def fits(people: int = 2) -> Any:
    body = torch.rand(people, 4, 3, generator=torch.Generator().manual_seed(0))
    return SimpleNamespace(
        faces=FACES,
        truth=body,
        fits={"ours": body + 0.1, "theirs": body * 1.2},
        errors_mm={"ours": torch.tensor([12.4, 7.0]), "theirs": torch.tensor([55.0, 60.0])},
        places=("worst of 2", "best of 2"),
    )


def test_each_person_is_a_row_of_truth_and_fits_from_two_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[list[list[Panel]]] = []
    monkeypatch.setattr(
        fits_figure, "draw_bodies", lambda path, rows, faces: drawn.append(rows) or path
    )
    draw_fits(tmp_path / "fits.png", fits())
    (rows,) = drawn
    assert [len(row) for row in rows] == [6, 6]
    assert [panel.turn for panel in rows[0]] == [0.0, 90.0] * 3
    assert [panel.title for panel in rows[0][::2]] == [
        "truth, worst of 2",
        "ours: 12 mm",
        "theirs: 55 mm",
    ]
    assert torch.equal(torch.as_tensor(rows[1][2].vertices), fits().fits["ours"][1])


def test_picture_is_written_after_a_test_that_kept_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = SimpleNamespace(log_dir=str(tmp_path))
    trainer = cast(Trainer, SimpleNamespace(logger=logger, is_global_zero=True))
    FitsFigure().on_test_end(trainer, cast(LightningModule, SimpleNamespace(fits=None)))
    assert list(tmp_path.iterdir()) == []
    FitsFigure().on_test_end(trainer, cast(LightningModule, SimpleNamespace(fits=fits())))
    assert (tmp_path / "fits.png").read_bytes().startswith(b"\x89PNG")
    assert "fits.png" in capsys.readouterr().out
