"""What someone sees who has never run the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import lsr1_pl
from lsr1_pl.cli import VERBS, main


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_do_not_wait_for_torch(flag: str) -> None:
    code = (
        "import sys; from lsr1_pl.cli import VERBS, main; code = main(sys.argv[1:]);"
        "assert not {'torch', 'numpy', 'pytorch_lightning'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, flag], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert lsr1_pl.__version__ in done.stdout


def test_help_names_every_verb_and_no_words_print_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {verb} " in text for verb in VERBS)
    assert "lsr1 fit --config hmr_open.yaml" in text


def test_unknown_verb_is_named_and_the_others_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fitt"]) == 2
    message = capsys.readouterr().err
    assert "'fitt'" in message
    assert ", ".join(VERBS) in message
    assert {"fit", "test", "predict", "bench"} <= set(VERBS)


def test_help_of_a_verb_names_this_commands_own_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["fit", "--help"]) == 0
    text = capsys.readouterr().out
    assert "--ckpt" in text
    assert "--wandb" in text
    assert "--ckpt_path" not in text


def test_packaged_configs_are_found_from_any_folder(empty_folder: Path) -> None:
    from lsr1_pl.cli.configs import resolve_config

    assert resolve_config("quadratics.yaml") == resolve_config("quadratics")
    (empty_folder / "quadratics.yaml").write_text("model: null\n")
    assert resolve_config("quadratics.yaml") == Path("quadratics.yaml")
