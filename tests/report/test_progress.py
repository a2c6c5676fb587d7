from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Timer

from lsr1_pl.report import IterationProgress, progress

MODULE = cast(LightningModule, None)


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def trainer(**changes: Any) -> Any:
    values = {
        "global_step": 0,
        "max_steps": 100,
        "callbacks": [],
        "loggers": [],
        "progress_bar_metrics": {"loss": 0.5},
        "is_global_zero": True,
    }
    return SimpleNamespace(**{**values, **changes})


def step(bar: IterationProgress, run: Any, to: int) -> None:
    run.global_step = to
    bar.on_train_batch_end(cast(Trainer, run), MODULE, None, None, 0)


def test_without_a_terminal_a_line_comes_every_so_often(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    bar, run = IterationProgress(), trainer()
    bar.on_train_start(run, MODULE)
    for k in range(1, 51):
        clock.now += 1.0
        step(bar, run, k)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    # 21 of 100 iterations took 21 seconds.
    assert lines[0] == "iteration 21/100, 1:19 left, loss 0.5"


def test_a_resumed_run_counts_from_where_it_went_on(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    bar, run = IterationProgress(), trainer(global_step=80)
    bar.on_train_start(run, MODULE)
    clock.now += 30.0
    step(bar, run, 90)
    assert "iteration 90/100, 0:30 left, loss 0.5" in capsys.readouterr().out


def test_a_time_limit_that_comes_first_is_the_time_left(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    timer = Timer(duration={"seconds": 60})
    timer._offset = 30.0
    bar, run = IterationProgress(), trainer(callbacks=[timer])
    bar.on_train_start(run, MODULE)
    clock.now += 30.0
    step(bar, run, 1)
    assert "iteration 1/100, 0:30 left" in capsys.readouterr().out


def test_other_ranks_are_silent(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    bar, run = IterationProgress(), trainer(is_global_zero=False)
    bar.setup(run, MODULE, "fit")
    bar.on_train_start(run, MODULE)
    clock.now += 60.0
    step(bar, run, 50)
    bar.on_train_end(run, MODULE)
    assert capsys.readouterr().out == ""
