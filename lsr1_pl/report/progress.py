"""Progress of a run: how far, how good, how long still."""

from __future__ import annotations

import sys
import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar, Timer
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from lsr1_pl.ground.console import plain

_SECONDS_BETWEEN_LINES = 20.0


class IterationProgress(ProgressBar):
    """One bar over the whole training; on no terminal, a line every 20 seconds instead.

    The time left is that to ``max_steps`` or to ``max_time``, whichever comes first.
    """

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._first_step = 0
        self._started = self._last_line = 0.0

    def enable(self) -> None:
        """Show progress."""
        self._enabled = True

    def disable(self) -> None:
        """Show none (other ranks than the first)."""
        self._enabled = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock, and the bar on a terminal."""
        self._first_step = trainer.global_step
        self._started = self._last_line = time.monotonic()
        if self._enabled and sys.stdout.isatty():
            # Narrow: on 80 columns, the text beside it must not be cut.
            self._bar = Progress(
                BarColumn(bar_width=14), TextColumn("{task.description}", markup=False)
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=1.0)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move on."""
        if self._bar is not None and self._task is not None:
            done, text = self._status(trainer, pl_module)
            self._bar.update(self._task, completed=done, description=text)
        elif self._enabled and time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            print(self._status(trainer, pl_module)[1], flush=True)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say where it ended."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._enabled:
            print(self._status(trainer, pl_module)[1], flush=True)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Give the terminal back."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _status(self, trainer: Trainer, pl_module: LightningModule) -> tuple[float, str]:
        elapsed = time.monotonic() - self._started
        done = _fraction_done(trainer, self._first_step)
        left = elapsed * (1 - done) / done if done > 0 else float("nan")
        metrics = self.get_metrics(trainer, pl_module)
        shown = [f"{key} {value:.4g}" for key, value in metrics.items() if _is_number(key, value)]
        total = f"/{trainer.max_steps}" if trainer.max_steps and trainer.max_steps > 0 else ""
        words = [f"iteration {trainer.global_step}{total}", f"{_clock(left)} left", *shown]
        return done, plain(", ".join(words))


def _fraction_done(trainer: Trainer, first_step: int) -> float:
    fractions = [0.0]
    if trainer.max_steps and trainer.max_steps > first_step:
        fractions.append((trainer.global_step - first_step) / (trainer.max_steps - first_step))
    for timer in (c for c in trainer.callbacks if isinstance(c, Timer)):  # type: ignore[attr-defined]
        remaining, spent = timer.time_remaining(), timer.time_elapsed()
        if remaining is not None and spent + remaining > 0:
            fractions.append(spent / (spent + remaining))
    return min(1.0, max(fractions))


def _is_number(key: str, value: Any) -> bool:
    return key != "v_num" and isinstance(value, (int, float))


def _clock(seconds: float) -> str:
    if seconds != seconds:
        return "--:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
