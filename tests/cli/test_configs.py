"""Every packaged config, and what the command makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lsr1_pl.cli import main
from lsr1_pl.cli.configs import packaged_configs

OPEN_DATA = [
    "--data.init_args.stores=[open]",
    "--data.init_args.validation_subjects=[]",
    "--data.init_args.validation_recordings=[walk]",
    "--data.init_args.test_subjects=[]",
    "--data.init_args.test_recordings=[kick]",
]
"""Stands in where a config names a folder of the user's."""

CONFIGS = sorted(path.name for path in packaged_configs().glob("*.yaml"))


def test_there_are_configs() -> None:
    assert {"quadratics.yaml", "quadratics_unprojected.yaml", "hmr_open.yaml"} <= set(CONFIGS)


@pytest.mark.parametrize("name", CONFIGS)
def test_printed_config_is_complete_and_builds_the_same(
    name: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--config", name, "--print_config"]) == 0
    printed = capsys.readouterr().out
    (empty_folder / "printed.yaml").write_text(printed, encoding="utf-8")
    given = yaml.safe_load(printed)
    # Builds task, data and trainer, sets them up, validates a little, and stops before the first
    # iteration.
    build = ["fit", "--config", "printed.yaml", "--trainer.max_steps=0"]
    counts = {"validation_count", "evaluation_count"} & set(given["data"]["init_args"])
    build += [f"--data.init_args.{count}=2" for count in counts]
    if not _data_is_packaged(given["data"]):
        assert main(build) == 2
        assert "lsr1 data convert" in capsys.readouterr().err
        if "threedpw" in given["data"]["init_args"]:
            # Built on look-alikes of the licensed files in test_licensed_path.py.
            return
        build += OPEN_DATA
    phases = given["model"]["init_args"].get("phases")
    if phases is not None:
        # These solve problems before the first iteration: thousands, to train on.
        phases.update(solved=1, solve_steps=1)
        build += [f"--model.init_args.phases.{key}=1" for key in ("solved", "solve_steps")]
    assert main(build) == 0
    (written,) = (empty_folder / "runs").glob("*/version_0/config.yaml")
    resolved = yaml.safe_load(written.read_text())
    assert resolved["trainer"].pop("max_steps") == 0
    assert given["trainer"].pop("max_steps") > 0
    for key in ("seed_everything", "trainer", "model"):
        assert resolved[key] == given[key], key


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_a_checkpoint_of_every_config_is_tested_and_gone_on_with_alone(
    name: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = yaml.safe_load((packaged_configs() / name).read_text())
    arguments = config["data"]["init_args"]
    if "threedpw" in arguments:
        pytest.skip("needs licensed files")
    words = ["fit", "--config", name, "--trainer.max_steps=1", "--trainer.val_check_interval=1"]
    words += [] if _data_is_packaged(config["data"]) else OPEN_DATA
    words.append("--data.init_args.batch_size=2")
    counts = ("evaluation_count", "validation_count", "test_count")
    if "MotionDataModule" in config["data"]["class_path"]:
        words += [f"--data.init_args.{count}=2" for count in counts[1:]]
        words += ["--model.init_args.evaluation_steps=2"]
    else:
        words += ["--data.init_args.evaluation_count=2", "--model.init_args.test_steps=2"]
    assert main([*words, "--model.init_args.steps=2"]) == 0
    (last,) = (empty_folder / "runs").glob("*/version_0/checkpoints/last.ckpt")
    capsys.readouterr()
    assert main(["test", "--ckpt", str(last)]) == 0
    assert main(["fit", "--ckpt", str(last), "--trainer.max_steps=2"]) == 0
    assert capsys.readouterr().err == ""


def _data_is_packaged(data: dict[str, Any]) -> bool:
    return all(store in ("open", "open_frames") for store in data["init_args"].get("stores", ()))


@pytest.mark.parametrize("name", CONFIGS)
def test_configs_select_the_best_checkpoint_by_validation(name: str) -> None:
    config = yaml.safe_load((packaged_configs() / name).read_text())
    (best,) = [
        callback["init_args"]
        for callback in config["trainer"]["callbacks"]
        if callback["class_path"].endswith("ModelCheckpoint")
    ]
    assert best["filename"] == "best"
    assert best["monitor"].startswith("val/")
    # A "/" in an inserted metric name would make folders.
    assert best["auto_insert_metric_name"] is False
    assert config["trainer"]["gradient_clip_val"] > 0
