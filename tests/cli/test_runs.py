"""Whole runs: what they write, and that a checkpoint is all that is needed to go on."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import wandb
import yaml
from forks import in_a_fork

from lsr1_pl.cli import main
from lsr1_pl.pretrained import CONFIG_KEY, read_checkpoint

Command = Callable[..., subprocess.CompletedProcess[str]]


def steps_of(metrics: Path) -> list[int]:
    with metrics.open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


def curve(path: Path, solver: str) -> list[float]:
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["solver"] == solver]
    return [float(row["value"]) for row in rows if row["metric"] == "value"]


def test_a_run_writes_log_config_best_and_last(finished_run: Path) -> None:
    assert steps_of(finished_run / "metrics.csv")
    last = read_checkpoint(finished_run / "checkpoints" / "last.ckpt")
    # Whether or not the best improved then.
    assert last["global_step"] == 12
    assert read_checkpoint(finished_run / "checkpoints" / "best.ckpt")["global_step"] in (4, 8, 12)
    config = yaml.safe_load((finished_run / "config.yaml").read_text())
    assert config == yaml.safe_load(last[CONFIG_KEY])
    assert config["trainer"]["max_steps"] == 12
    assert config["model"]["init_args"]["optimizer"]["init_args"]["networks"]["width"] == 8


def test_test_needs_no_config_and_flags_override(
    finished_run: Path, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(finished_run / "checkpoints" / "best.ckpt")
    root = f"--trainer.default_root_dir={empty_folder}"
    assert main(["test", "--ckpt", checkpoint, root]) == 0
    assert main(["test", f"--ckpt={checkpoint}", root, "--model.init_args.test_steps=3"]) == 0
    as_trained, overridden = (empty_folder / "quadratics/test" / f"version_{k}" for k in (0, 1))
    assert len(curve(as_trained / "curves.csv", "L-SR1, L=1")) == 5
    assert len(curve(overridden / "curves.csv", "L-SR1, L=1")) == 4
    assert curve(overridden / "curves.csv", "L-SR1, L=2") == pytest.approx(
        curve(as_trained / "curves.csv", "L-SR1, L=2")[:4]
    )
    assert (as_trained / "curves.png").stat().st_size > 1000
    printed = capsys.readouterr().out
    assert "after n inner steps" in printed
    assert "3 fixed problems (Quadratic)" in printed
    # Evaluation writes no checkpoints and leaves the run's own folder alone.
    assert not list(empty_folder.rglob("*.ckpt"))


def test_validate_runs_the_validation_problems(finished_run: Path, empty_folder: Path) -> None:
    checkpoint = str(finished_run / "checkpoints" / "last.ckpt")
    root = f"--trainer.default_root_dir={empty_folder}"
    assert main(["validate", "--ckpt", checkpoint, root]) == 0
    found = curve(empty_folder / "quadratics/validate/version_0/curves.csv", "L-SR1")
    with (finished_run / "metrics.csv").open(newline="") as file:
        logged = [row["val/final_value"] for row in csv.DictReader(file)]
    assert found[-1] == pytest.approx(float([value for value in logged if value][-1]))


def test_going_on_from_best_starts_a_new_version(finished_run: Path, empty_folder: Path) -> None:
    run = empty_folder / "runs/quadratics"
    shutil.copytree(finished_run, run / "version_0")
    assert main(["fit", "--name=quadratics", "--ckpt=best", "--trainer.max_steps=13"]) == 0
    assert steps_of(run / "version_1/metrics.csv")
    assert steps_of(run / "version_0/metrics.csv") == steps_of(finished_run / "metrics.csv")
    assert read_checkpoint(run / "version_1/checkpoints/last.ckpt")["global_step"] == 13


def test_resume_by_name_equals_an_uninterrupted_run(
    lsr1: Command, finished_run: Path, empty_folder: Path, tiny: list[str]
) -> None:
    first = ["fit", "--config", "quadratics.yaml", *tiny, "--trainer.max_steps=7"]
    begun = in_a_fork(lambda: main(first), empty_folder)
    assert begun.code == 0, begun.err
    assert begun.err == ""
    resumed = lsr1(
        "fit", "--name=quadratics", "--ckpt=last", "--trainer.max_steps=12", cwd=empty_folder
    )
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stderr == ""
    (folder,) = (empty_folder / "runs/quadratics").iterdir()
    ours, theirs = (
        read_checkpoint(run / "checkpoints" / "last.ckpt") for run in (folder, finished_run)
    )
    assert ours["global_step"] == theirs["global_step"] == 12
    assert ours["state_dict"].keys() == theirs["state_dict"].keys()
    for key, tensor in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][key], tensor), key
    assert steps_of(folder / "metrics.csv") == steps_of(finished_run / "metrics.csv")
    scores = [
        next(iter(checkpoint["callbacks"].values()))["best_model_score"]
        for checkpoint in (ours, theirs)
    ]
    assert scores[0] == scores[1]


def test_wandb_offline_gets_the_whole_config(
    lsr1: Command, empty_folder: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", "--config", "quadratics", *tiny, "--trainer.max_steps=2"]
    words += ["--wandb.offline=true", "--wandb.project=tests"]

    def begin() -> int:
        code = main(words)
        wandb.teardown()  # As at the end of a program.
        return code

    begun = in_a_fork(begin, empty_folder)
    assert begun.code == 0, begun.err
    folder = empty_folder / "runs/quadratics/version_0"
    (log,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    content = log.read_bytes()
    # Of the config, and not of the words, which W&B notes as well.
    assert b'"networks":{"width":8,' in content
    assert b'"max_condition":1000.0' in content
    assert (folder / "config.yaml").is_file()
    # Going on connects only if this command's own words ask for it.
    resume = ["fit", "--name=quadratics", "--ckpt=last"]
    assert main([*resume, "--trainer.max_steps=3"]) == 0
    said = capsys.readouterr().err
    assert "wandb: it connects; ask for it with --wandb.project NAME" in said
    assert len(list(folder.glob("wandb/offline-run-*"))) == 1
    done = lsr1(*resume, "--trainer.max_steps=4", "--wandb.offline=true", cwd=empty_folder)
    assert done.returncode == 0, done.stderr
    assert "not taken" not in done.stderr
    assert len(list(folder.glob("wandb/offline-run-*"))) == 2
