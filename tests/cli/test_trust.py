"""Classes and folders that a checkpoint names: harmless ones count, others if the user says so."""

from __future__ import annotations

import copy
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import _common

from lsr1_pl.cli import main
from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained import CONFIG_KEY, load_pretrained, read_checkpoint
from lsr1_pl.tasks import load_task

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


def evaluate_of(config: Any) -> Any:
    """What a config says of how functions are evaluated."""
    return config["model"]["init_args"]["evaluate"]["init_args"]


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
    "in another file": (model_file, "model.yaml"),
    "in a baseline": (
        lambda c: evaluate_of(c).update(baselines={"x": {"class_path": "own.OwnTask"}}),
        "own.OwnTask",
    ),
    "a callback that calls": (
        lambda c: callbacks(
            c, "pytorch_lightning.callbacks.LambdaCallback", on_test_start="builtins.print"
        ),
        "LambdaCallback",
    ),
    "a callback with a path": (
        lambda c: callbacks(c, "lsr1_pl.report.StepProfile", folder="elsewhere"),
        "StepProfile",
    ),
    "a file name that leads out": (
        lambda c: callbacks(
            c, "pytorch_lightning.callbacks.ModelCheckpoint", filename="../../elsewhere"
        ),
        "a plain file name",
    ),
    "a file name that takes memory": (
        lambda c: callbacks(
            c, "pytorch_lightning.callbacks.ModelCheckpoint", filename="{step:099999999d}"
        ),
        "a plain file name",
    ),
    "a device": (lambda c: c["data"].update(motion("/dev/zero")), "/dev/zero"),
    "another machine": (lambda c: c["data"].update(motion("s3://bucket/store")), "s3://"),
    "classes in classes": (lambda c: evaluate_of(c).update(baselines=nested()), "deeper"),
    "another key": (lambda c: c.update(ckpt="given.ckpt"), "the key ckpt"),
    "another argument": (lambda c: c["model"].update(dict_kwargs={"a": 1}), "class_path and init"),
}


def motion(store: str) -> Config:
    return {"class_path": "lsr1_pl.data.MotionDataModule", "init_args": {"stores": [store]}}


def nested() -> Config:
    inner: Config = {"class_path": "lsr1_pl.optim.Adam"}
    for _ in range(30):
        inner = {"class_path": "lsr1_pl.optim.Safeguarded", "init_args": {"optimizer": inner}}
    return {"x": inner}


@pytest.mark.parametrize("verb", ["test", "fit"])
@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_is_run(
    name: str, verb: str, changed: Any, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "own.py").write_text(OWN_MODULE)
    change, named = HOSTILE[name]
    assert main([verb, "--ckpt", changed(change)]) == 2
    message = capsys.readouterr().err
    assert "lsr1: given.ckpt: its config names" in message
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


LEFT_OUT: dict[str, Callable[[Config], None]] = {
    "trainer.logger": lambda c: c["trainer"].update(logger={"class_path": "os.system"}),
    "trainer.profiler": lambda c: c["trainer"].update(profiler="simple"),
    "trainer.plugins": lambda c: c["trainer"].update(plugins=[{"class_path": "os.system"}]),
    "trainer.strategy": lambda c: c["trainer"].update(strategy="ddp_spawn"),
    "trainer.devices": lambda c: c["trainer"].update(devices=64),
    "trainer.num_nodes": lambda c: c["trainer"].update(num_nodes=2),
    "trainer.model_registry": lambda c: c["trainer"].update(model_registry="a/b"),
    "trainer.callbacks[0].dirpath": lambda c: callbacks(
        c, "pytorch_lightning.callbacks.ModelCheckpoint", dirpath="elsewhere"
    ),
    "name": lambda c: c.update(name="../../elsewhere"),
}


def test_values_that_a_class_refuses_are_named(
    changed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "pytorch_lightning.callbacks.ModelCheckpoint"
    assert main(["test", "--ckpt", changed(lambda c: callbacks(c, name, every_n_epochs=-1))]) == 2
    message = capsys.readouterr().err
    assert "given.ckpt: its config makes no training" in message
    assert "every_n_epochs=-1" in message


@pytest.mark.parametrize("key", LEFT_OUT)
def test_where_to_write_or_connect_is_left_out_and_said(
    key: str, changed: Any, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", "--ckpt", changed(LEFT_OUT[key])]) == 0
    message = capsys.readouterr().err
    assert message.count("\n") == 2
    assert f"\n  {key}: " in message
    assert "--trust_checkpoint true" in message
    assert {path.name for path in empty_folder.iterdir()} == {"given.ckpt", "runs"}
    assert [path.name for path in empty_folder.parent.iterdir()] == ["empty"]


def test_what_the_user_says_needs_no_word(
    changed: Any, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = changed(lambda c: c.update(name="../../elsewhere", wandb={"project": "x"}))
    assert main(["test", "--ckpt", checkpoint, "--name", "mine", "--wandb", "null"]) == 0
    assert capsys.readouterr().err == ""
    assert (empty_folder / "runs/mine/test/version_0").is_dir()


SIZES: dict[str, Callable[[Config], None]] = {
    "networks.width": lambda c: networks(c, width=10**9),
    "its weights leave room": lambda c: networks(c, width=60_000),
    "buffer_size": lambda c: optimizer(c, buffer_size=10**12),
    "unroll.steps": lambda c: c["model"]["init_args"]["unroll"].update(steps=10**12),
    "evaluate.steps": lambda c: evaluate_of(c).update(steps=10**12),
    "buffer_sizes": lambda c: evaluate_of(c).update(buffer_sizes=[10**12]),
    "batch_size": lambda c: c["data"]["init_args"].update(batch_size=10**12),
    "one batch of": lambda c: c["data"]["init_args"].update(test_size=10_000),
    "trainer.max_steps": lambda c: c["trainer"].update(max_steps=10**400),
}


def networks(config: Config, **arguments: Any) -> None:
    config["model"]["init_args"]["optimizer"]["init_args"]["networks"].update(arguments)


def optimizer(config: Config, **arguments: Any) -> None:
    config["model"]["init_args"]["optimizer"]["init_args"].update(arguments)


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A GiB more than this process has."""
    limit = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**30, limit[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limit)


@pytest.mark.parametrize(
    ("verb", "key"),
    [("validate", "networks.width"), *((v, k) for v in ("fit", "test") for k in SIZES)],
)
def test_sizes_are_refused_before_memory_is_asked_for(
    key: str, verb: str, changed: Any, little_memory: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, "--ckpt", changed(SIZES[key])]) == 2
    assert key in capsys.readouterr().err


@pytest.mark.parametrize("key", ["networks.width", "its weights leave room", "buffer_size"])
def test_sizes_are_refused_in_python_too(key: str, changed: Any, little_memory: None) -> None:
    checkpoint = changed(SIZES[key])
    with pytest.raises(UserError, match=key):
        load_task(checkpoint)
    with pytest.raises(
        UserError, match=key if key == "buffer_size" else "networks.width|do not fit"
    ):
        load_pretrained(checkpoint)


@pytest.mark.parametrize("verb", ["test", "export"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_named(
    kind: str, verb: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = {"pipe": "pipe.ckpt", "device": "/dev/zero", "folder": "empty"}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "folder":
        Path(path).mkdir()
    words = ["test", "--ckpt", path] if verb == "test" else ["export", path, "exported"]
    assert main(words) == 2
    assert path in capsys.readouterr().err
    assert not Path("exported").exists()


def test_the_policy_ends_with_a_refused_command(changed: Any) -> None:
    policy = copy.deepcopy(_common.parsing_settings)
    checkpoint = changed(lambda c: c["model"].update(class_path="own.OwnTask"))
    assert main(["test", "--ckpt", checkpoint]) == 2
    assert _common.parsing_settings == policy
