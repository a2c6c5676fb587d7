"""Fills the dashboard: what its panels show and the tasks do not log themselves, to W&B alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import WandbLogger
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.metrics.memory import peak_bytes
from lsr1_pl.report.wandb.artifact import data_hashes, log_best_checkpoint, staged_in
from lsr1_pl.report.wandb.media import case_media, curve_charts, curve_series
from lsr1_pl.report.wandb.panels import INNER_STEP, PANELS, SERIES

_STEP = "trainer/global_step"


class InnerSteps(Protocol):
    """What a training unroll did: K steps on B problems."""

    @property
    def values(self) -> Tensor:
        """(K + 1, B)."""

    @property
    def guarded(self) -> Tensor | None:
        """(K, B) bool."""


class Watched(Protocol):
    """A task that keeps what its last training batch did."""

    inner_steps: InnerSteps | None
    skipped_steps: Tensor


class WandbDashboard(Callback):
    """Logs timings, shares by inner step, pictures, tables and the best checkpoint to W&B.

    Nothing of it goes into the CSV log, the checkpoints or the training: without a W&B run it
    does nothing. Counts stay on the device and are read every ``log_every_n_steps`` iterations.

    Args:
        pictures_every: validations from one set of pictures to the next; the first and the last
            validation always have theirs.
    """

    def __init__(self, pictures_every: int = 10) -> None:
        if pictures_every < 1:
            raise UserError(f"wandb.pictures_every is {pictures_every}; it must be at least 1")
        self.pictures_every = pictures_every
        self._run: Any = None
        self._window = _Window()
        self._skipped = 0
        self._began = 0.0
        self._evaluated = 0
        self._validations: list[dict[str, float]] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the run, say which metrics are errors, ask the task for what pictures need."""
        loggers = [each for each in trainer.loggers if isinstance(each, WandbLogger)]
        self._run = loggers[0].experiment if loggers and trainer.is_global_zero else None
        if self._run is None:
            return
        self._run.config.update({"data_sha256": data_hashes(trainer)}, allow_val_change=True)
        for panel in PANELS:
            if panel.error:
                self._run.define_metric(panel.key, summary="min", step_metric=_STEP, step_sync=True)
        if hasattr(pl_module, "keep_people"):
            pl_module.keep_people = True  # type: ignore[assignment]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start counting."""
        if self._run is not None:
            self._window = _Window()
            self._skipped = _skipped(pl_module)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start the clock."""
        if self._run is not None:
            pl_module.inner_steps = None  # type: ignore[assignment]
            self._began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count, and every so often log."""
        if self._run is None:
            return
        inner = cast(Watched, pl_module).inner_steps
        self._window.add(inner, time.perf_counter() - self._began)
        if (batch_idx + 1) % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._log_window(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what came after the last time."""
        if self._run is not None and self._window.iterations:
            self._log_window(trainer, pl_module)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._began, self._evaluated = time.perf_counter(), 0

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count."""
        if self._run is not None:
            self._evaluated += _problems(batch)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log how fast it was, and, at times, pictures."""
        if self._run is None or trainer.sanity_checking:
            return
        seconds = time.perf_counter() - self._began
        self._send({"perf/val_fits_per_second": self._evaluated / seconds}, trainer.global_step)
        if trainer.state.fn == "validate":
            self._picture(trainer, pl_module, "val", cases=True)
            return
        found = {k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("val/")}
        self._validations.append(found)
        if len(self._validations) % self.pictures_every == 1 or self.pictures_every == 1:
            self._picture(trainer, pl_module, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log pictures, the worst cases, and every solver's curves as series."""
        if self._run is None:
            return
        self._picture(trainer, pl_module, "test", cases=True)
        self._run.define_metric(f"test/{SERIES}/*", step_metric=INNER_STEP)
        for row in curve_series(getattr(pl_module, "curves", {}), "test"):
            self._run.log(row)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the last validation's pictures, its worst cases, and the best checkpoint."""
        if self._run is None or not self._validations:
            return
        self._picture(trainer, pl_module, "val", cases=True)
        log_best_checkpoint(self._run, trainer, pl_module, self._validations)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Keep the best checkpoint of a run that is stopped by hand."""
        if self._run is not None and self._validations and isinstance(exception, KeyboardInterrupt):
            log_best_checkpoint(self._run, trainer, pl_module, self._validations)

    def _log_window(self, trainer: Trainer, task: LightningModule) -> None:
        found = self._window.read()
        skipped = _skipped(task)
        found["optim/skipped_share"] = (skipped - self._skipped) / self._window.iterations
        found["optim/learning_rate"] = trainer.optimizers[0].param_groups[0]["lr"]
        found["perf/peak_memory_mib"] = peak_bytes(task.device.type) / 2**20
        self._skipped, self._window = skipped, _Window()
        # The iteration that Lightning logs a training step under counts from 0.
        self._send(found, trainer.global_step - 1)

    def _picture(
        self, trainer: Trainer, task: LightningModule, stage: str, cases: bool = False
    ) -> None:
        charts = curve_charts(getattr(task, "curves", {}), stage)
        staged = staged_in(Path(str(self._run.dir)).parents[1])
        with staged, case_media(task, trainer, stage, worst=cases) as media:
            self._send(charts | media, trainer.global_step)

    def _send(self, found: dict[str, Any], step: int) -> None:
        if found:
            self._run.log({**found, _STEP: step})


class _Window:
    """Some iterations: their time, and counts over their inner steps, which stay on the device."""

    def __init__(self) -> None:
        self.iterations = 0
        self._seconds = 0.0
        self._fits = self._steps = self._guardable = 0
        self._nonfinite: Tensor | int = 0
        self._guarded: Tensor | int = 0
        self._last: Tensor | None = None

    def add(self, inner: InnerSteps | None, seconds: float) -> None:
        self.iterations += 1
        self._seconds += seconds
        if inner is None:
            return
        values = inner.values
        self._last = values
        self._fits += values.shape[1]
        self._steps += values[1:].numel()
        self._nonfinite = self._nonfinite + (~values[1:].isfinite()).sum()
        if inner.guarded is not None:
            self._guardable += inner.guarded.numel()
            self._guarded = self._guarded + inner.guarded.sum()

    def read(self) -> dict[str, float]:
        """What it comes to; values by inner step are the last batch's, over its finite ones."""
        found = {"perf/iteration_seconds": self._seconds / self.iterations}
        if self._last is None:
            return found
        found["perf/fits_per_second"] = self._fits / self._seconds
        found["train/nonfinite_share"] = float(self._nonfinite) / max(1, self._steps)
        if self._guardable:
            found["train/safeguarded_share"] = float(self._guarded) / self._guardable
        finite = torch.where(self._last.isfinite(), self._last, torch.nan)
        means = finite.nanmean(dim=1).tolist()
        return found | {f"train/value_step_{k:02d}": value for k, value in enumerate(means)}


def _skipped(task: LightningModule) -> int:
    return int(getattr(task, "skipped_steps", 0))


def _problems(batch: Any) -> int:
    """B of a batch: the length of its first tensor."""
    if isinstance(batch, Tensor):
        return len(batch)
    fields = batch if isinstance(batch, (tuple, list)) else vars(batch).values()
    return next((len(each) for each in fields if isinstance(each, Tensor) and each.ndim), 0)
