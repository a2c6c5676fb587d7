"""Ctrl-C in a training, and the commands that a training prints for what comes next."""

from __future__ import annotations

import shlex
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from lsr1_pl.cli import main
from lsr1_pl.cli.training.resume import LastCheckpoint
from lsr1_pl.pretrained import read_checkpoint


def press_ctrl_c_at(iteration: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = LastCheckpoint.on_train_batch_start
    pressed: list[bool] = []

    def start(self: LastCheckpoint, trainer: Any, *rest: Any) -> None:
        if trainer.global_step == iteration and not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)
        before(self, trainer, *rest)

    monkeypatch.setattr(LastCheckpoint, "on_train_batch_start", start)


# Iteration 3 ends in a validation.
@pytest.mark.parametrize("iteration", [3, 5])
def test_an_interrupted_training_ends_as_an_undisturbed_one_when_it_goes_on(
    iteration: int,
    finished_run: Path,
    empty_folder: Path,
    tiny: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    press_ctrl_c_at(iteration, monkeypatch)
    before = signal.getsignal(signal.SIGINT)
    fit = ["fit", "--config", "quadratics", *tiny, "--trainer.max_steps=12"]
    assert main(fit) == 130
    assert signal.getsignal(signal.SIGINT) is before
    said = capsys.readouterr().err.splitlines()[-1]
    last = "runs/quadratics/version_0/checkpoints/last.ckpt"
    told = f"saved at iteration {iteration + 1}; go on: lsr1 fit --ckpt {last}"
    assert said == f"lsr1: interrupted; {told}"
    assert read_checkpoint(empty_folder / last)["global_step"] == iteration + 1
    assert main(["fit", *shlex.split(said.partition("lsr1 fit")[2])]) == 0
    ours = read_checkpoint(empty_folder / last)
    theirs = read_checkpoint(finished_run / "checkpoints" / "last.ckpt")
    assert ours["global_step"] == theirs["global_step"] == 12
    for key, tensor in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][key], tensor), key
    log = empty_folder / "runs/quadratics/version_0/metrics.csv"
    assert log.read_text() == (finished_run / "metrics.csv").read_text()


def test_the_printed_next_command_works_for_classes_of_ones_own(
    own_optimizer: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--config", "own.yaml"]) == 0
    (line,) = [each for each in capsys.readouterr().out.splitlines() if "test it: " in each]
    words = shlex.split(line.partition("test it: lsr1 ")[2])
    assert main(words) == 0
    assert "Rate" in capsys.readouterr().out
    assert (empty_folder / "runs/own/test/version_0/curves.png").is_file()
    shutil.rmtree(empty_folder / "runs/own/test")
    without = [word for word in words if word not in ("--trust_checkpoint", "true")]
    assert main(without) == 2
    assert f"{own_optimizer}.Rate" in capsys.readouterr().err


def test_a_listed_config_needs_no_trust(
    empty_folder: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--config", "quadratics", *tiny, "--trainer.max_steps=4"]) == 0
    best = "runs/quadratics/version_0/checkpoints/best.ckpt"
    assert f"test it: lsr1 test --ckpt {best}\n" in capsys.readouterr().out


def test_seeds_that_an_interrupt_left_have_their_command(
    empty_folder: Path,
    tiny: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    press_ctrl_c_at(1, monkeypatch)
    fit = ["fit", "--config", "quadratics", *tiny, "--trainer.max_steps=3"]
    assert main([*fit, "--name", "sweep", "--seeds", "4,5,6"]) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert "sweep/seed_4/version_0/checkpoints/last.ckpt; not begun yet: lsr1 fit" in said
    left = shlex.split(said.partition("not begun yet: lsr1 ")[2])
    assert left[:3] == ["fit", "--config", "quadratics"]
    assert left[-4:] == ["--name", "sweep", "--seeds", "5,6"]
    assert main(left) == 0
    runs = empty_folder / "runs" / "sweep"
    assert sorted(path.name for path in runs.iterdir()) == ["seed_4", "seed_5", "seed_6"]
