"""Classes and folders that a checkpoint names: harmless ones count, others if the user says so."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import _common

from lsr1_pl.cli import main
from lsr1_pl.pretrained import CONFIG_KEY, read_checkpoint

Config = dict[str, Any]
OWN_MODULE = """\
from pathlib import Path

from lsr1_pl.tasks import FunctionTask

Path("was_run").touch()


class OwnTask(FunctionTask):
    pass
"""


@pytest.fixture
def changed(finished_run: Path, empty_folder: Path) -> Callable[[Callable[[Config], None]], str]:
    """Writes the finished run's checkpoint with a changed config; its name."""
    stored = read_checkpoint(finished_run / "checkpoints" / "last.ckpt")

    def write(change: Callable[[Config], None]) -> str:
        config = copy.deepcopy(yaml.safe_load(stored[CONFIG_KEY]))
        change(config)
        torch.save({**stored, CONFIG_KEY: yaml.safe_dump(config)}, "given.ckpt")
        return "given.ckpt"

    return write


def write_own_module(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "own.py").write_text(OWN_MODULE)
    monkeypatch.syspath_prepend(str(folder))
    # An earlier test's, from another folder.
    monkeypatch.delitem(sys.modules, "own", raising=False)


def callbacks(config: Config, class_path: str, **arguments: Any) -> None:
    config["trainer"]["callbacks"] = [{"class_path": class_path, "init_args": arguments}]


def model_file(config: Config) -> None:
    Path("model.yaml").write_text(yaml.safe_dump({"class_path": "own.OwnTask"}))
    config["model"] = "model.yaml"


HOSTILE: dict[str, tuple[Callable[[Config], None], str]] = {
    "a class": (lambda c: c["model"].update(class_path="own.OwnTask"), "own.OwnTask"),
    "a function": (
        lambda c: c["model"]["init_args"].update(meta_optimizer="os.system"),
        "os.system",
    ),
    "through the package": (
        lambda c: c["model"]["init_args"].update(meta_optimizer="lsr1_pl.cli.os.system"),
        "system",
    ),
    "in text": (
        lambda c: c["model"]["init_args"].update(meta_optimizer="{class_path: own.OwnTask}"),
        "own.OwnTask",
    ),
    "in another file": (model_file, "own.OwnTask"),
    "in a baseline": (
        lambda c: c["model"]["init_args"].update(baselines={"x": {"class_path": "own.OwnTask"}}),
        "own.OwnTask",
    ),
    "a callback that calls": (
        lambda c: callbacks(
            c, "pytorch_lightning.callbacks.LambdaCallback", on_test_start="builtins.print"
        ),
        "LambdaCallback",
    ),
    "a logger": (
        lambda c: c["trainer"].update(
            logger={
                "class_path": "pytorch_lightning.loggers.CSVLogger",
                "init_args": {"save_dir": "elsewhere"},
            }
        ),
        "CSVLogger",
    ),
    "a folder": (
        lambda c: callbacks(c, "pytorch_lightning.callbacks.ModelCheckpoint", dirpath="elsewhere"),
        "folder elsewhere",
    ),
    "a name that leads out": (lambda c: c.update(name="../../elsewhere"), "../../elsewhere"),
}


@pytest.mark.parametrize("verb", ["test", "fit"])
@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_is_run(
    name: str, verb: str, changed: Any, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "own.py").write_text(OWN_MODULE)
    change, named = HOSTILE[name]
    assert main([verb, "--ckpt", changed(change)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("lsr1: given.ckpt: its config names")
    assert named in message
    assert "--trust_checkpoint true" in message
    assert not (empty_folder / "was_run").exists()
    left = {path.name for path in empty_folder.iterdir()} - {"model.yaml"}
    assert left == {"own.py", "given.ckpt"}
    assert [path.name for path in empty_folder.parent.iterdir()] == ["empty"]


@pytest.mark.parametrize(
    "words",
    [["--trust_checkpoint", "true"], ["--trust_checkpoint=true"], ["--model=own.OwnTask"]],
)
def test_the_user_may_trust_or_name_a_class(
    words: list[str], changed: Any, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_own_module(empty_folder, monkeypatch)
    checkpoint = changed(lambda c: c["model"].update(class_path="own.OwnTask"))
    policy = copy.deepcopy(_common.parsing_settings)
    assert main(["test", "--ckpt", checkpoint, *words]) == 0
    assert (empty_folder / "was_run").exists()
    # What one command was allowed, or denied, is not left behind for the next.
    assert _common.parsing_settings == policy
    config = yaml.safe_load(next(empty_folder.rglob("config.yaml")).read_text())
    assert "trust_checkpoint" not in config


def test_a_config_of_the_users_own_needs_no_trust(
    changed: Any, finished_run: Path, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_own_module(empty_folder, monkeypatch)
    config = yaml.safe_load((finished_run / "config.yaml").read_text())
    config["model"]["class_path"] = "own.OwnTask"
    (empty_folder / "own.yaml").write_text(yaml.safe_dump(config))
    root = f"--trainer.default_root_dir={empty_folder}"
    checkpoint = changed(lambda c: None)
    assert main(["test", "--config", "own.yaml", "--ckpt", checkpoint, root]) == 0


def test_the_policy_ends_with_a_refused_command(changed: Any) -> None:
    policy = copy.deepcopy(_common.parsing_settings)
    checkpoint = changed(lambda c: c["model"].update(class_path="own.OwnTask"))
    assert main(["test", "--ckpt", checkpoint]) == 2
    assert _common.parsing_settings == policy
