"""Where the time of a training step goes."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.table import Table

from lsr1_pl.ground.console import plain, shown
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import written
from lsr1_pl.report.paths import short

_SHOWN = 15


class StepProfile(Callback):
    """Profiles ``iterations`` training steps after ``warmup`` others.

    Writes ``trace.json`` (for chrome://tracing or https://ui.perfetto.dev) and ``profile.txt`` into
    ``folder``, and prints the latter: the phases of a step by the clock, and the operations by
    their own time.

    Args:
        folder: made if it is missing.
        iterations: that are profiled, >= 1.
        warmup: before them: libraries load, and compile, at their first use.
    """

    def __init__(self, folder: Path, iterations: int = 3, warmup: int = 3) -> None:
        if iterations < 1 or warmup < 0:
            raise UserError(
                f"StepProfile got iterations {iterations} and warmup {warmup}; at least 1 and 0"
            )
        self.folder = folder
        self.iterations = iterations
        self.warmup = warmup
        self._phases: dict[str, float] = defaultdict(float)
        self._mark = 0.0
        activities = [torch.profiler.ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        self._profiler = torch.profiler.profile(activities=activities)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Data came since the last step's end; the inner unroll begins."""
        if batch_idx == self.warmup:
            self._profiler.start()
            self._phases.clear()
        else:
            self._add("data and callbacks")
        self._mark = self._now(pl_module)

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: torch.Tensor
    ) -> None:
        """The unroll ends."""
        self._add("inner unroll and meta-loss", pl_module)

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The meta-gradient is there."""
        self._add("meta-gradient", pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """AdamW has stepped; after the last step all is written."""
        self._add("meta-optimiser", pl_module)
        if batch_idx == self.warmup + self.iterations - 1:
            self._profiler.stop()
            self._write()

    def _now(self, module: LightningModule) -> float:
        if module.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def _add(self, phase: str, module: LightningModule | None = None) -> None:
        now = time.perf_counter() if module is None else self._now(module)
        self._phases[phase] += now - self._mark
        self._mark = now

    def _write(self) -> None:
        trace, text = self.folder / "trace.json", self.folder / "profile.txt"
        with written(trace) as partial:
            self._profiler.export_chrome_trace(str(partial))
        recorded = Console(width=100, record=True, emoji=False)
        recorded.print(self._phase_table())
        recorded.print(self._operation_table())
        with written(text) as partial:
            partial.write_text(recorded.export_text(), encoding="utf-8")
        print(plain(f"Trace: {short(str(trace))}; table: {text.name} beside it"))

    def _phase_table(self) -> Table:
        whole = sum(self._phases.values())
        table = Table(title=f"A training step, mean of {self.iterations}; profiling slows it")
        table.add_column("phase")
        table.add_column("ms", justify="right")
        table.add_column("%", justify="right")
        for phase, seconds in self._phases.items():
            mean = f"{1e3 * seconds / self.iterations:.1f}"
            table.add_row(shown(phase), mean, f"{100 * seconds / whole:.1f}")
        return table

    def _operation_table(self) -> Table:
        table = Table(title=f"The {_SHOWN} operations with most time of their own, a step")
        for column in ("operation", "ms", "%", "calls"):
            table.add_column(column, justify="left" if column == "operation" else "right")
        events = self._profiler.key_averages()

        def own(event: Any) -> float:
            # On a GPU the host only starts the kernels.
            device = float(getattr(event, "self_device_time_total", 0.0))
            return device or float(event.self_cpu_time_total)

        whole = sum(map(own, events)) or 1.0
        for event in sorted(events, key=own, reverse=True)[:_SHOWN]:
            table.add_row(
                shown(event.key[:50]),
                f"{own(event) / self.iterations / 1e3:.2f}",
                f"{100 * own(event) / whole:.1f}",
                f"{event.count / self.iterations:.0f}",
            )
        return table
