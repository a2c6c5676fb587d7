"""Ctrl-C in a training: it ends after the iteration, and can go on exactly."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from lsr1_pl.cli.training.resume import LastCheckpoint


class SavesWhenInterrupted(Callback):
    """At the first Ctrl-C, saves ``last.ckpt`` after the iteration; at the second, ends at once.

    Between two iterations the state is whole. Several processes end at once, as Lightning has it:
    each would end after another iteration.

    Args:
        last: writes ``last.ckpt``.
    """

    def __init__(self, last: LastCheckpoint) -> None:
        self._last = last
        self._asked = False
        self._before: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take over Ctrl-C."""
        self._asked = False
        alone = trainer.world_size == 1
        if alone and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """End before the next iteration: what the last one logs is written now."""
        if self._asked and self._last.saved_at == trainer.global_step:
            raise KeyboardInterrupt

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save, if asked to."""
        if self._asked and (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            self._last.save(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have what the validation changed saved, too."""
        if self._asked:
            self._last.saved_at = -1

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give Ctrl-C back."""
        self._restore()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Give Ctrl-C back."""
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        print(
            "\nlsr1: interrupted: the training ends after this iteration (and its validation) and "
            "is saved; Ctrl-C again ends it at once",
            file=sys.stderr,
            flush=True,
        )

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
