"""Help fits on 80 columns, and says what there is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lsr1_pl.cli import main
from lsr1_pl.cli.completion import offer

PATHS = [path.split() for path in offer().words]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_of_every_verb_keeps_to_80_columns(
    path: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*path, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert [line for line in lines if len(line) > 80] == []


def test_help_of_fit_does_not_wait_for_torch() -> None:
    code = (
        "import sys; from lsr1_pl.cli import main; code = main(['fit', '--help']);"
        "assert not {'torch', 'numpy', 'pytorch_lightning'} & set(sys.modules); sys.exit(code)"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_every_option_of_lightning_is_one_flag_further(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["test", "--help"]) == 0
    assert "--help_all" in capsys.readouterr().out
    assert main(["test", "--help_all"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: lsr1 ")
    assert "--trainer.limit_test_batches" in text
    assert main(["fit", "--model.help", "lsr1_pl.tasks.FunctionTask"]) == 0
    assert "--model.penalty.weight" in capsys.readouterr().out
