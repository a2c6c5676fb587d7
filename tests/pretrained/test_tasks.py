"""Tasks and data from a checkpoint alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lsr1_pl.cli import main
from lsr1_pl.data import MotionDataModule, QuadraticsDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained import CONFIG_KEY, shipped
from lsr1_pl.tasks import FunctionTask, HMRTask, MetaTask, load_data, load_task


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    options = ["steps=1", "evaluation_steps=1", "initial_width=8", "warmup_iterations=0"]
    data = ["stores=[open]", "validation_subjects=[]", "validation_recordings=[kick]"]
    data += ["test_subjects=[]", "test_recordings=[walk]", "validation_count=4", "batch_size=4"]
    words = ["fit", "--config", "hmr_open", f"--trainer.default_root_dir={root}"]
    words += ["--trainer.max_steps=1", "--trainer.val_check_interval=1"]
    words += [f"--model.init_args.{option}" for option in options]
    words += [f"--data.init_args.{option}" for option in data]
    assert main(words) == 0
    return root / "hmr_open/version_0/checkpoints/last.ckpt"


def test_the_task_is_as_it_was_trained(checkpoint: Path) -> None:
    task = load_task(checkpoint)
    assert isinstance(task, HMRTask)
    assert not task.training
    stored = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert all(torch.equal(value, stored[key]) for key, value in task.state_dict().items())


def test_the_data_can_be_changed(checkpoint: Path) -> None:
    data = load_data(checkpoint, keypoint_noise=(0.5, 0.5), batch_size=3)
    assert isinstance(data, MotionDataModule)
    batch = data.train_batch(0)
    assert len(batch.pose) == 3
    assert batch.noise.std() > 0.3
    with pytest.raises(UserError, match="noise"):
        load_data(checkpoint, keypoint_noise=(-1.0, 0.0))
    with pytest.raises(UserError, match="its config does not fit"):
        load_data(checkpoint, no_such_option=1)


def test_shipped_names_are_known() -> None:
    assert isinstance(load_task("quadratics"), FunctionTask)
    assert isinstance(load_data("quadratics"), QuadraticsDataModule)
    with pytest.raises(UserError, match="no such checkpoint"):
        load_task("nobody")


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_task_is_made_within_the_walls(name: str) -> None:
    assert isinstance(load_task(name), MetaTask)


@pytest.mark.parametrize(
    "place",
    [
        lambda c: c["model"],
        lambda c: c["model"]["init_args"]["optimizer"],
        lambda c: c["model"]["init_args"]["meta_optimizer"],
    ],
)
def test_classes_from_elsewhere_are_not_made(checkpoint: Path, tmp_path: Path, place: Any) -> None:
    stored = torch.load(checkpoint, weights_only=True)
    config = yaml.safe_load(stored[CONFIG_KEY])
    place(config)["class_path"] = "os.path.Evil"
    stored[CONFIG_KEY] = yaml.safe_dump(config)
    torch.save(stored, tmp_path / "evil.ckpt")
    with pytest.raises(UserError, match=r"names the class os\.path\.Evil.*--trust_checkpoint true"):
        load_task(tmp_path / "evil.ckpt")
