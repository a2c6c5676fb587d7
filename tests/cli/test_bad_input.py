"""Bad input: exit code 2, one message that names file, key and mend, and nothing left behind."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lsr1_pl.cli import main

FIT = ["fit", "--config", "quadratics", "--trainer.max_steps=2"]


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The message of a command that must fail and must leave the working folder as it was."""
    before = sorted(Path.cwd().rglob("*"))
    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("lsr1: ")
    assert "Traceback" not in captured.err
    assert sorted(Path.cwd().rglob("*")) == before
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["fit"], ["fit needs a config"]),
        (["test"], ["--ckpt FILE"]),
        (["fit", "--config"], ["--config needs a value"]),
        (["fit", "--config", "nowhere"], ["nowhere", "quadratics.yaml"]),
        ([*FIT, "--model.init_args.stepz=3"], ["quadratics.yaml", "model", "stepz"]),
        ([*FIT, "--model.init_args.steps=abc"], ["steps", "int", "abc"]),
        ([*FIT, "--model.init_args.steps=0"], ["Unroll steps is 0", "at least 1"]),
        ([*FIT, "--data.init_args.batch_size=0"], ["batch_size is 0", "at least 1"]),
        ([*FIT, "--model.class_path=lsr1_pl.tasks.Nothing"], ["lsr1_pl.tasks.Nothing"]),
        ([*FIT, "--trainer.max_stepz=3"], ["max_stepz"]),
        ([*FIT, "--trainer.devices=0"], ["devices"]),
        ([*FIT, "--ckpt=last"], ["runs/quadratics", "last.ckpt", "--name"]),
        ([*FIT, "--ckpt=a.ckpt", "--ckpt=b.ckpt"], ["--ckpt is given 2 times"]),
        (["test", "--ckpt", "nowhere.ckpt"], ["nowhere.ckpt", "no such file"]),
        (
            ["fit", "--config", "hmr_open", "--data.init_args.stores=[nowhere]"],
            ["nowhere", "manifest.json"],
        ),
        (
            ["fit", "--config", "hmr_open", "--model.init_args.body=nowhere.npz"],
            ["nowhere.npz", "no such file"],
        ),
    ],
    ids=lambda value: " ".join(value)[-40:],
)
def test_words_that_do_not_fit(
    arguments: list[str],
    named: list[str],
    empty_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = refusal(capsys, *arguments)
    for word in named:
        assert word in message


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("model: [", "mine.yaml"),
        ("mdl: 3\n", "mdl"),
        ("model:\n  class_path: lsr1_pl.tasks.FunctionTask\n  init_args: {stepz: 1}\n", "stepz"),
        ("", "mine.yaml"),
    ],
)
def test_malformed_config(
    content: str, named: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "mine.yaml").write_text(content)
    assert named in refusal(capsys, "fit", "--config", "mine.yaml")


def test_unknown_monitor_leaves_no_run_behind(
    empty_folder: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    callbacks = (
        "--trainer.callbacks=[{class_path: pytorch_lightning.callbacks.ModelCheckpoint,"
        " init_args: {monitor: val/nothing}}]"
    )
    message = refusal(capsys, *FIT, *tiny, "--trainer.max_steps=5", callbacks)
    assert "val/nothing" in message
    assert "val/final_value" in message


class _Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_that_would_run_code_is_refused(
    empty_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trap = tmp_path / "executed"
    torch.save({"state_dict": {}, "extra": _Touch(trap)}, "bad.ckpt")
    assert "bad.ckpt: cannot be read safely" in refusal(capsys, "test", "--ckpt", "bad.ckpt")
    (empty_folder / "plain.ckpt").write_bytes(pickle.dumps(_Touch(trap)))
    assert "not a checkpoint" in refusal(capsys, "test", "--ckpt", "plain.ckpt")
    assert not trap.exists()


def test_cut_and_foreign_checkpoints(
    finished_run: Path, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (finished_run / "checkpoints" / "last.ckpt").read_bytes()
    (empty_folder / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    assert "cut short" in refusal(capsys, "test", "--ckpt", "cut.ckpt")
    torch.save({"weights": torch.zeros(2)}, "no_state.ckpt")
    assert "'state_dict'" in refusal(capsys, "test", "--ckpt", "no_state.ckpt")
    torch.save({"state_dict": {}}, "no_config.ckpt")
    message = refusal(capsys, "test", "--ckpt", "no_config.ckpt")
    assert "lsr1_config" in message
    assert "--config" in message


def test_weights_of_another_model_are_named(
    finished_run: Path, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(finished_run / "checkpoints" / "last.ckpt")
    message = refusal(
        capsys, "test", "--ckpt", checkpoint, "--model.init_args.optimizer.init_args.hidden_dim=9"
    )
    assert "optimizer.encoder" in message
    assert "(8" in message
    assert "(9" in message
    assert "leave out --config" in message


def test_a_task_without_prediction_says_so(
    finished_run: Path, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(finished_run / "checkpoints" / "last.ckpt")
    keypoints = empty_folder / "people.npz"
    np.savez(keypoints, keypoints=9.0 * np.arange(36).reshape(1, 18, 2))
    message = refusal(capsys, "predict", "--ckpt", checkpoint, str(keypoints))
    assert "is of a FunctionTask, which fits nobody; expected one of an HMRTask" in message
    assert not (empty_folder / "fits").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.json"], "no such file"),
        (["people.npz", "--steps", "0"], "--steps 0: must be 1"),
        (["people.npz", "--fps", "0"], "--fps 0.0: must be above 0"),
        (["people.npz", "--smooth", "-1"], "--smooth -1.0: must be above 0"),
        (["people.npz", "--smooth", "40"], "10 at most, in seconds, of which 0.04 is a good start"),
        (["people.npz", "--fps", "inf"], "--fps inf: must be above 0, and 100000 at most"),
        (["people.npz", "--intrinsics", "1", "2"], "or four numbers FX FY CX CY"),
        (["people.npz", "--intrinsics", "a", "2", "3", "4"], "--intrinsics is ['a', '2'"),
        (["people.npz", "--intrinsics", "none.json"], "none.json: no such file"),
        (["people.png"], "photo"),
        (["people.npz", "--ckpt", "nothing"], "no such checkpoint"),
        (["people.npz", "--out", "people.npz"], "is a file; name a folder"),
        ([], "required: input"),
    ],
)
def test_predict_names_what_is_wrong(
    arguments: list[str], message: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(empty_folder / "people.npz", keypoints=9.0 * np.arange(36).reshape(1, 18, 2))
    assert message in refusal(capsys, "predict", *arguments)
    assert not (empty_folder / "fits").exists()


def test_a_misspelt_class_of_a_part_is_named_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("model: {init_args: {loss: MeanVlaue}}\n")
    assert main(["fit", "--config", "quadratics.yaml", "--config", str(config)]) == 2
    said = capsys.readouterr().err
    assert "MeanVlaue: no such class" in said
    assert "did you mean MeanValue?" in said
