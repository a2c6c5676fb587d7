"""A checkpoint of another's, given to a whole process: it deletes, writes and connects nothing."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from forks import in_a_fork

from lsr1_pl.cli import main
from lsr1_pl.pretrained import CONFIG_KEY, read_checkpoint

Checkpoint = dict[str, Any]
Change = Callable[[Checkpoint, Path], None]
CHECKPOINT_CALLBACK = "pytorch_lightning.callbacks.ModelCheckpoint"


def config_of(checkpoint: Checkpoint) -> dict[str, Any]:
    config = checkpoint[CONFIG_KEY]
    assert isinstance(config, dict)
    return config


def state_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """Of ModelCheckpoint."""
    state = next(iter(checkpoint["callbacks"].values()))
    assert isinstance(state, dict)
    return state


def deletes_a_folder(checkpoint: Checkpoint, victim: Path) -> None:
    state = state_of(checkpoint)
    del state["dirpath"]
    path = f"local://{victim}"
    score = torch.tensor(1e9)
    state.update(kth_best_model_path=path, best_k_models={path: score}, kth_value=score)


def deletes_by_a_relative_path(checkpoint: Checkpoint, victim: Path) -> None:
    state = state_of(checkpoint)
    path = f"file:///{victim}/../{victim.name}"
    score = torch.tensor(1e9)
    state.update(kth_best_model_path=path, best_k_models={path: score}, kth_value=score)
    state["dirpath"] = None


def plants_a_checkpoint(checkpoint: Checkpoint, victim: Path) -> None:
    callbacks(checkpoint, CHECKPOINT_CALLBACK, filename=str(victim / "good"), **EACH_TIME)


def plants_a_checkpoint_above(checkpoint: Checkpoint, victim: Path) -> None:
    path = "../../../../../victim/good"
    callbacks(checkpoint, CHECKPOINT_CALLBACK, filename=path, **EACH_TIME)


EACH_TIME = {"monitor": "val/final_value", "enable_version_counter": False}


def callbacks(checkpoint: Checkpoint, class_path: str, **arguments: Any) -> None:
    entry = {"class_path": class_path, "init_args": arguments}
    config_of(checkpoint)["trainer"]["callbacks"] = [entry]


def overwrites_json(checkpoint: Checkpoint, victim: Path) -> None:
    callbacks(
        checkpoint,
        "pytorch_lightning.callbacks.spike.SpikeDetection",
        warmup=0,
        atol=None,
        rtol=None,
        exclude_batches_path=str(victim / "good.json"),
    )


def logs_elsewhere(checkpoint: Checkpoint, victim: Path) -> None:
    folder = {"root": str(victim), "name": "log", "version": "x"}
    config_of(checkpoint)["trainer"]["logger"] = {
        "class_path": "lsr1_pl.cli.training.resume.ContinuedCSVLogger",
        "init_args": {"folder": folder},
    }


def profiles_elsewhere(checkpoint: Checkpoint, victim: Path) -> None:
    callbacks(
        checkpoint,
        "lsr1_pl.report.StepProfile",
        folder=str(victim / "profile"),
        iterations=1,
        warmup=13,
    )


def starts_wandb(checkpoint: Checkpoint, victim: Path) -> None:
    config_of(checkpoint)["trainer"]["logger"] = {
        "class_path": "lsr1_pl.cli.training.wandb_log.start_wandb",
        "init_args": {
            "settings": {"offline": True},
            "run_name": "x",
            "folder": str(victim / "planted"),
        },
    }


def asks_for_wandb(checkpoint: Checkpoint, victim: Path) -> None:
    config_of(checkpoint)["wandb"] = {"project": "x", "offline": True}


SILENT: list[tuple[str, Change]] = [
    # Another version's files, and another run's log, are no part of what is begun anew.
    ("fit", deletes_a_folder),
    ("fit", deletes_by_a_relative_path),
    ("test", asks_for_wandb),
]
CHANGES: list[tuple[str, Change]] = [
    *SILENT,
    ("fit", plants_a_checkpoint),
    ("fit", plants_a_checkpoint_above),
    ("fit", overwrites_json),
    ("fit", logs_elsewhere),
    ("test", logs_elsewhere),
    ("fit", profiles_elsewhere),
    ("test", starts_wandb),
    ("validate", starts_wandb),
    ("fit", asks_for_wandb),
]


@pytest.mark.parametrize(
    ("verb", "change"), CHANGES, ids=lambda case: getattr(case, "__name__", case)
)
def test_it_writes_in_its_runs_folder_alone(
    verb: str, change: Change, finished_run: Path, tmp_path: Path
) -> None:
    work, victim = folders(tmp_path)
    before = tree(victim)
    checkpoint = copy.deepcopy(read_checkpoint(finished_run / "checkpoints" / "last.ckpt"))
    checkpoint[CONFIG_KEY] = yaml.safe_load(checkpoint[CONFIG_KEY])
    change(checkpoint, victim)
    checkpoint[CONFIG_KEY] = yaml.safe_dump(checkpoint[CONFIG_KEY])
    torch.save(checkpoint, work / "given.ckpt")
    words = [verb, "--ckpt", "given.ckpt"]
    if verb == "fit":
        words += ["--trainer.max_steps=16", "--trainer.val_check_interval=2"]
    code, output = run_in_a_process(words, work)
    assert tree(victim) == before
    assert {path.name for path in work.iterdir()} <= {"given.ckpt", "runs"}
    assert not list(work.rglob("wandb"))
    # Refused with a reason, or done without what the file asked for, and that is said.
    assert code in (0, 2), output
    assert "Traceback" not in output
    assert ("lsr1: given.ckpt: " in output) == ((verb, change) not in SILENT)


@pytest.mark.parametrize("change", [deletes_a_folder, deletes_by_a_relative_path])
def test_a_folder_of_another_writes_in_itself_alone(
    change: Change, finished_run: Path, tmp_path: Path
) -> None:
    work, victim = folders(tmp_path)
    run = work / "runs" / "quadratics" / "version_0"
    shutil.copytree(finished_run, run)
    last = run / "checkpoints" / "last.ckpt"
    checkpoint = read_checkpoint(last)
    change(checkpoint, victim)
    torch.save(checkpoint, last)
    before = tree(victim)
    words = ["fit", "--ckpt", str(last), "--trainer.max_steps=16", "--trainer.val_check_interval=2"]
    code, output = run_in_a_process(words, work)
    assert code == 0, output
    assert tree(victim) == before
    assert "the state of ModelCheckpoint: " in output
    assert {path.name for path in work.iterdir()} == {"runs"}


@pytest.mark.parametrize("name", ["metrics.csv", "checkpoints/best.ckpt", "checkpoints"])
def test_links_out_of_a_runs_folder_are_not_written_through(
    name: str, finished_run: Path, tmp_path: Path
) -> None:
    work, victim = folders(tmp_path)
    run = work / "runs" / "quadratics" / "version_0"
    shutil.copytree(finished_run, run)
    place = run / name
    if place.is_dir():
        shutil.move(place, victim / "checkpoints")
        place.symlink_to(victim / "checkpoints")
    else:
        place.unlink()
        place.symlink_to(victim / "good.json")
    before = tree(victim)
    words = ["fit", "--ckpt", str(run / "checkpoints" / "last.ckpt"), "--trainer.max_steps=14"]
    code, output = run_in_a_process(words, work)
    assert tree(victim) == before
    if name == "checkpoints":
        # The checkpoint is elsewhere, and no part of the run: a new version goes on from it.
        assert code == 0, output
        assert (work / "runs" / "quadratics" / "version_1" / "metrics.csv").is_file()
    else:
        assert code == 2, output
        assert "is a link that leads out of the run's folder" in output


def folders(place: Path) -> tuple[Path, Path]:
    """Where a command runs, and what it must leave alone."""
    work, victim = place / "work", place / "victim"
    work.mkdir()
    victim.mkdir()
    for name in ("good.ckpt", "good.json", "deep/file.txt"):
        (victim / name).parent.mkdir(exist_ok=True)
        (victim / name).write_text("precious")
    return work, victim


def run_in_a_process(words: list[str], folder: Path) -> tuple[int, str]:
    """Exit code and output of ``lsr1`` in a process of its own."""

    def run() -> int:
        os.environ["WANDB_MODE"] = "offline"
        return main(words)

    code, out, err = in_a_fork(run, folder)
    return code, out + err


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(errors="replace") if path.is_file() else ""
        for path in folder.rglob("*")
    }
