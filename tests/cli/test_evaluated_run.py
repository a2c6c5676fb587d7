"""A test of a run stands beside the run, by whichever words it is named."""

from __future__ import annotations

from pathlib import Path

from lsr1_pl.cli import main

_SMALL = ("--trainer.max_steps=1", "--model.init_args.optimizer.init_args.networks.width=2")


def test_a_test_with_the_config_stands_beside_the_named_run(empty_folder: Path) -> None:
    small = [*_SMALL, "--data.init_args.evaluation_count=2", "--trainer.val_check_interval=1"]
    config = "--config=quadratics.yaml"
    assert main(["fit", config, "--name=mine", *small]) == 0
    words = [config, "--ckpt=runs/mine", *small, "--model.init_args.evaluate.steps=2"]
    assert main(["test", *words]) == 0
    assert (empty_folder / "runs/mine/test/version_0/curves.csv").is_file()
    assert main(["test", *words, "--name=other"]) == 0
    assert (empty_folder / "runs/other/test/version_0/curves.csv").is_file()
    assert not (empty_folder / "runs/quadratics").exists()
