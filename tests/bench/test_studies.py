"""Bad arguments of ``lsr1 bench`` are named, and nothing is lost to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsr1_pl.bench import STUDIES
from lsr1_pl.cli import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required"),
        (["profile"], "invalid choice"),
        (["ablations", "--share", "3/2"], "--share 3/2"),
        (["compute", "--device", "tpu"], "--device: invalid choice: 'tpu'"),
        (["profiles", "--rosenbrock", "nowhere.ckpt"], "shipped are"),
    ],
)
def test_bad_arguments_are_named(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")] if arguments and arguments[0] in STUDIES else []
    assert main(["bench", *arguments, *out]) == 2
    assert words in capsys.readouterr().err


def test_out_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    assert main(["bench", "trajectories", "--fast", "--out", str(tmp_path / "file")]) == 2
    assert "is a file" in capsys.readouterr().err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"
