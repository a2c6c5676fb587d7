"""``lsr1 completion``: what a shell offers, and that it is what the command takes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from lsr1_pl.cli import VERBS, main
from lsr1_pl.cli.completion import offer, script
from lsr1_pl.cli.configs import packaged_configs
from lsr1_pl.cli.training.wandb_log import WandbSettings
from lsr1_pl.pretrained import shipped

WORDS = offer().words
ARGPARSE = [path for path in WORDS if path and path.split()[0] not in ("fit", "validate", "test")]


def completed(words: list[str], cwd: Path) -> list[str]:
    """What bash offers for the last of ``words``."""
    ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lsr1; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script('bash')}\n{ask}", "bash", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["pre"], ["predict"]),
        (
            ["fit", "--config", "hmr_open_"],
            [
                *("hmr_open_aimed.yaml", "hmr_open_benchmark.yaml", "hmr_open_faithful.yaml"),
                *("hmr_open_official.yaml", "hmr_open_refining.yaml"),
            ],
        ),
        (
            ["fit", "--config", "=", "lgd_"],
            ["lgd_open.yaml", "lgd_open_more_updates.yaml", "lgd_open_varied.yaml"],
        ),
        (["fit", "--config", "mine"], ["mine.yaml"]),
        (["fit", "--name", "data", "--trainer.max_t"], ["--trainer.max_time"]),
        (["test", "--ckpt", "lg"], ["lgd_open"]),
        (["predict", "x.json", "--ckpt", "hm"], ["hmr_open", "hmr_open_lifted"]),
        (["predict", "min"], []),
        (["bench", "hm"], ["hmr", "hmr_ablations"]),
        (["bench", "hmr", "--dev"], ["--device"]),
        (["bench", "hmr", "--device", ""], ["cpu", "cuda"]),
        (["data", "convert", "am"], ["amass"]),
        (["data", "convert", "amass", "--w"], ["--workers"]),
        (["completion", "f"], ["fish"]),
    ],
)
def test_bash_offers(words: list[str], offered: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()
    (tmp_path / "mine.txt").touch()
    assert completed(["lsr1", *words], tmp_path) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_hold_every_name(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert re.search(r"@[A-Z_]+@", text) is None
    configs = [path.name for path in packaged_configs().glob("*.yaml")]
    for name in [*VERBS, *configs, *shipped(), "--trainer.max_steps", "convert amass"]:
        assert name.removeprefix("--") in text, name
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("path", ARGPARSE)
def test_offered_words_are_those_that_the_verb_takes(
    path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*path.split(), "--help"]) == 0
    text = capsys.readouterr().out
    taken = set(re.findall(r"--[a-z][\w-]*", text)) - {"--help"}
    assert taken == {word for word in WORDS[path] if word.startswith("--")}
    assert all(word in text for word in WORDS[path])


def test_offered_verbs_and_options_of_training_exist(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert {word for word in WORDS[""] if not word.startswith("--")} == set(VERBS)
    assert main(["fit", "--help_all"]) == 0
    text = capsys.readouterr().out
    settings = {f"--wandb.{field.name}" for field in fields(WandbSettings)}
    assert {option for option in WORDS["fit"] if option.startswith("--wandb")} == settings
    # Arguments of the config's classes are one page further: --model.help CLASS.
    others = {"--help_all", "--model.init_args.", "--data.init_args.", "--model.help"}
    # Taken before the others are read: each seed is a command of its own.
    others |= {"--seeds"}
    for option in {*WORDS["fit"]} - settings - others - {"--data.help"}:
        assert option in text, option


def test_completing_needs_no_torch() -> None:
    code = (
        "import sys; from lsr1_pl.cli import main; main(['completion', 'bash']);"
        "assert not {'torch', 'numpy', 'yaml'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "'bash'" in capsys.readouterr().err
