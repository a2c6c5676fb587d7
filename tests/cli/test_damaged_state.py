"""Lightning's state in a checkpoint, damaged: named, or left out with a word; never a traceback."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lsr1_pl.cli import main
from lsr1_pl.cli.training.optimizer_state import sound_optimizer, sound_schedule
from lsr1_pl.cli.training.resume import RANDOM_STATE
from lsr1_pl.cli.training.state_values import alike, harmless
from lsr1_pl.pretrained import read_checkpoint

Checkpoint = dict[str, Any]
Change = Callable[[Checkpoint], Any]


@pytest.fixture
def resumed(finished_run: Path, empty_folder: Path) -> Callable[[Change], int]:
    """Goes on from the finished run's last checkpoint, changed; the exit code."""

    def go_on(change: Change) -> int:
        run = empty_folder / "runs" / "quadratics" / "version_0"
        shutil.copytree(finished_run, run)
        path = run / "checkpoints" / "last.ckpt"
        checkpoint = read_checkpoint(path)
        change(checkpoint)
        torch.save(checkpoint, path)
        return main(["fit", "--name=quadratics", "--ckpt=last", "--trainer.max_steps=13"])

    return go_on


def first(checkpoint: Checkpoint) -> dict[str, Any]:
    """The meta-optimiser's state."""
    state = checkpoint["optimizer_states"][0]
    assert isinstance(state, dict)
    return state


def progress(checkpoint: Checkpoint) -> dict[str, Any]:
    loops = checkpoint["loops"]["fit_loop"]
    assert isinstance(loops, dict)
    return loops


REFUSED: dict[str, Change] = {
    "global_step": lambda c: c.update(global_step="12"),
    "epoch": lambda c: c.pop("epoch"),
    "loops": lambda c: c.update(loops=[]),
    "loops.fit_loop.epoch_progress": lambda c: progress(c).update(epoch_progress={"total": -1}),
    "loops.fit_loop.epoch_loop.batch_progress": lambda c: progress(c).pop(
        "epoch_loop.batch_progress"
    ),
    "optimizer_states": lambda c: c.update(optimizer_states=None),
    "optimizer_states[0]": lambda c: first(c)["state"][0].update(exp_avg=torch.zeros(3)),
    "lr_schedulers": lambda c: c.update(lr_schedulers=[]),
    "lr_schedulers[0]": lambda c: c["lr_schedulers"][0].update(last_epoch=10**6),
}
LEFT_OUT: dict[str, Change] = {
    "the random state": lambda c: c.update({RANDOM_STATE: [torch.zeros(5)]}),
    "the state of ModelCheckpoint": lambda c: next(iter(c["callbacks"].values())).pop("kth_value"),
    "the state of callbacks": lambda c: c.update(callbacks=[1]),
    "QuadraticsDataModule": lambda c: c.update(QuadraticsDataModule={"folder": "/etc"}),
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_an_exact_resume_needs_is_named(
    key: str, resumed: Callable[[Change], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert resumed(REFUSED[key]) == 2
    message = capsys.readouterr().err
    assert f"last.ckpt: its {key} is missing or damaged" in message
    assert "--ckpt best" in message


@pytest.mark.parametrize("key", LEFT_OUT)
def test_other_state_is_left_out_and_said(
    key: str, resumed: Callable[[Change], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert resumed(LEFT_OUT[key]) == 0
    message = capsys.readouterr().err
    assert f"\n  {key}: " in message
    assert "not taken of its state" in message


def a_trained(name: str = "AdamW") -> torch.optim.Optimizer:
    weights = torch.nn.Parameter(torch.zeros(4, 3)), torch.nn.Parameter(torch.zeros(3))
    optimizer: torch.optim.Optimizer = getattr(torch.optim, name)(weights, lr=0.1)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    return optimizer


def fresh(name: str = "AdamW") -> torch.optim.Optimizer:
    weights = torch.nn.Parameter(torch.zeros(4, 3)), torch.nn.Parameter(torch.zeros(3))
    optimizer: torch.optim.Optimizer = getattr(torch.optim, name)(weights, lr=0.1)
    return optimizer


@pytest.mark.parametrize("name", ["AdamW", "SGD", "Adagrad", "RMSprop", "Adafactor", "NAdam"])
def test_a_sound_optimizer_is_taken(name: str) -> None:
    assert sound_optimizer(fresh(name), a_trained(name).state_dict())
    assert sound_optimizer(fresh(name), fresh(name).state_dict())


DAMAGES: list[Change] = [
    lambda s: s.pop("state"),
    lambda s: s.update(param_groups=[]),
    lambda s: s["state"][0].pop("exp_avg"),
    lambda s: s["state"].update({7: {}}),
    lambda s: s["state"].update({0: 3}),
    lambda s: s["state"][0].update(exp_avg="x"),
    lambda s: s["param_groups"][0].update(lr="fast"),
    lambda s: s["param_groups"][0].pop("lr"),
    lambda s: s["param_groups"][0].update(params=[0, 0]),
    lambda s: s["param_groups"][0].update(params=["a", "b"]),
    lambda s: s["param_groups"][0].update(closure="/etc"),
]


@pytest.mark.parametrize("number", range(len(DAMAGES)))
def test_a_damaged_optimizer_is_not(number: int) -> None:
    state = a_trained().state_dict()
    state["state"] = {key: dict(value) for key, value in state["state"].items()}
    DAMAGES[number](state)
    assert not sound_optimizer(fresh(), state)


def test_a_schedule_gets_no_other_attributes() -> None:
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(a_trained(), T_max=9)
    state = schedule.state_dict()
    assert sound_schedule(schedule, {**state, "optimizer": "x", "step": 3}, 1) == state
    for damage in ({"T_max": "x"}, {"base_lrs": []}, {"last_epoch": 5}, {"last_epoch": None}):
        assert sound_schedule(schedule, {**state, **damage}, 1) is None
    assert sound_schedule(schedule, [], 1) is None


def test_plain_values_hold_no_place() -> None:
    assert harmless({"a": [1, 2.5, None, True, "min", torch.zeros(2)], "monitor": "val/loss"})
    endless: list[Any] = []
    endless.append(endless)
    for value in ("/etc", "a/b", "..", "s3://x", "C:\\x", endless, {(1, 2): 3}, object(), 10**30):
        assert not harmless({"a": value})
    assert not harmless({"monitor": "../x"})
    assert alike({"a": 1, "b": [1.0]}, {"a": 2, "b": [3], "c": "more"})
    for other in ({"a": 1}, {"a": "x", "b": [1.0]}, {"a": 1, "b": []}, {"a": True, "b": [1.0]}, 3):
        assert not alike({"a": 1, "b": [1.0]}, other)
