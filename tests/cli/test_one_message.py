"""Bad input that used to be met late: one message that names the key and the nearest known one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lsr1_pl.cli import main

FIT = ["fit", "--config", "quadratics", "--trainer.max_steps=2"]
_OPTIMIZER = "--model.init_args.optimizer.init_args"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    before = sorted(Path.cwd().rglob("*"))
    assert main(list(arguments)) == 2
    said = capsys.readouterr().err
    assert said.startswith("lsr1: ")
    assert sorted(Path.cwd().rglob("*")) == before
    return said


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (
            [*FIT, "--model.init_args.meta_optimizer.init_args.lr=-1"],
            "model.init_args.meta_optimizer: Invalid learning rate: -1.0",
        ),
        (
            [*FIT, "--model.init_args.meta_optimizer.init_args.weight_decay=-1"],
            "Invalid weight_decay value: -1.0",
        ),
        (
            [*FIT, "--trainer.logger=pytorch_lightning.loggers.CometLogger"],
            "Requirement 'comet-ml",
        ),
        ([*FIT, f"{_OPTIMIZER}.buffer_sise=3"], "did you mean 'buffer_size'?"),
        ([*FIT, f"{_OPTIMIZER}.networks.widht=3"], "did you mean 'width'?"),
        ([*FIT, "--model.init_args.unroll.stepz=3"], "did you mean 'steps'?"),
        ([*FIT, "--data.init_args.batchsize=3"], "did you mean 'batch_size'?"),
        ([*FIT, "--trainer.max_stepz=3"], "did you mean 'max_steps'?"),
        ([*FIT, "--wandb.projet=x"], "did you mean 'project'?"),
        ([*FIT, "--tranier.max_steps=3"], "did you mean 'trainer'?"),
        (["fit", "--confg", "quadratics"], "did you mean '--config'?"),
        (["test", "--chkpt", "quadratics"], "did you mean '--ckpt'?"),
        (["fit", "--config", "quadratixs"], "did you mean 'quadratics.yaml'?"),
        (["test", "--ckpt", "quadratixs"], "did you mean 'quadratics'?"),
        (["predict", "people.npz", "--ckpt", "hmr_opn"], "people.npz"),
        (["export", "lsr1_genral", "out"], "did you mean 'lsr1_general'?"),
    ],
    ids=lambda value: " ".join(value)[-40:] if isinstance(value, list) else "",
)
def test_the_nearest_known_name_is_said(
    arguments: list[str], named: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named in refused(capsys, *arguments)


@pytest.mark.parametrize("precision", ["16-true", "bf16-true"])
def test_iterates_of_16_bits_are_refused(
    precision: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, *FIT, f"--trainer.precision={precision}")
    assert f"trainer.precision is {precision}" in said
    assert "bf16-mixed" in said
    assert not (empty_folder / "runs").exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("model:\n\tinit_args: 1\n", "line 2 is indented with a tab; indent with spaces"),
        ("modle: {a: 1}\n", "did you mean 'model'?"),
        ("trainer: {max_stepz: 1}\n", "did you mean 'max_steps'?"),
        ("model: {init_args: {unroll: {setps: 1}}}\n", "did you mean 'steps'?"),
    ],
)
def test_the_same_for_a_config(
    content: str, named: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "mine.yaml").write_text(content)
    said = refused(capsys, "fit", "--config", "quadratics", "--config", "mine.yaml")
    assert named in said
    assert "mine.yaml" in said


def test_a_root_folder_that_is_a_file_is_named(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "runs").write_text("no folder")
    assert "runs" in refused(capsys, *FIT)


def test_a_run_s_folder_stands_for_its_best(
    finished_run: Path, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(finished_run), "of_version"]) == 0
    assert main(["export", str(finished_run.parent), "of_run"]) == 0
    assert main(["export", str(finished_run / "checkpoints" / "best.ckpt"), "of_file"]) == 0
    weights = {
        name: (empty_folder / name / "model.safetensors").read_bytes()
        for name in ("of_version", "of_run", "of_file")
    }
    assert len(set(weights.values())) == 1
    assert main(["validate", "--ckpt", str(finished_run)]) == 0
    (empty_folder / "nothing").mkdir()
    said = refused(capsys, "test", "--ckpt", "nothing")
    assert "holds no model.safetensors" in said
    assert "the folder of a run" in said


def test_a_shipped_name_is_exported(empty_folder: Path) -> None:
    assert main(["export", "quadratics", "mine"]) == 0
    assert (empty_folder / "mine" / "model.safetensors").is_file()


def test_a_finished_run_says_so_and_is_left_alone(
    finished_run: Path, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = finished_run / "checkpoints" / "last.ckpt"
    before = {path: path.stat().st_mtime_ns for path in finished_run.parent.rglob("*")}
    assert main(["fit", "--ckpt", str(last)]) == 0
    said = capsys.readouterr().out
    assert "has finished: 12 of 12 iterations are done" in said
    assert "--trainer.max_steps" in said
    assert before == {path: path.stat().st_mtime_ns for path in finished_run.parent.rglob("*")}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["completion", "bash"]])
def test_a_closed_pipe_is_no_traceback(words: list[str], empty_folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lsr1_pl.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) == 141
    assert said == b""


def test_a_printed_config_has_no_name_of_its_own(
    empty_folder: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FIT, *tiny, "--print_config"]) == 0
    (empty_folder / "mine.yaml").write_text(capsys.readouterr().out)
    assert main(["fit", "--config", "mine.yaml"]) == 0
    assert (empty_folder / "runs" / "mine" / "version_0" / "config.yaml").is_file()
    assert not (empty_folder / "runs" / "quadratics").exists()
    assert main([*FIT, *tiny, "--name=given", "--print_config"]) == 0
    assert "name: given" in capsys.readouterr().out


def test_without_a_logger_a_run_still_has_its_folder(
    empty_folder: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    often = "--trainer.val_check_interval=1"
    assert main([*FIT, *tiny, often, "--trainer.logger=false"]) == 0
    # To log nothing is no connection that a user must trust.
    said = capsys.readouterr().out
    assert "test it: lsr1 test" in said
    assert "--trust_checkpoint" not in said
    run = empty_folder / "runs" / "quadratics" / "version_0"
    assert {"best.ckpt", "last.ckpt"} >= {p.name for p in (run / "checkpoints").iterdir()}
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert (run / "config.yaml").is_file()
    assert not (run / "metrics.csv").exists()
    assert main([*FIT, *tiny, "--trainer.logger=false"]) == 0
    assert (empty_folder / "runs" / "quadratics" / "version_1").is_dir()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--model.init_args.unroll.divergence_limit=null"], "divergence_limit: null"),
        (["--model.init_args.unroll.clip_sample_gradient", "null"], "clip_sample_gradient: null"),
        (["--model.unroll.divergence_limit=null"], "divergence_limit: null"),
        (["--model.init_args.optimizer.init_args.rate.limit=null"], "limit: null"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_null_is_taken_for_an_argument_of_a_part(
    words: list[str], shown: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = ["--model.init_args.optimizer.init_args.rate.limit=3"] if "rate" in words[0] else []
    assert main([*FIT, *changed, *words, "--print_config"]) == 0
    printed = capsys.readouterr().out
    assert shown in printed
    # The part's other arguments are the config's still.
    assert "steps: 16" in printed
    assert "gamma1: 0.4" in printed
