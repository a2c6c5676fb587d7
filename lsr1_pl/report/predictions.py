"""The fits of ``lsr1 predict`` as a file."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from lsr1_pl.report.paths import short
from lsr1_pl.report.run_folder import run_folder


class PredictionFile(Callback):
    """Writes ``predictions.npz``: one array a field of the task's prediction, people first."""

    def __init__(self) -> None:
        self._batches: list[dict[str, Tensor]] = []

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin anew."""
        self._batches = []

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep a batch's prediction, a named tuple of tensors."""
        self._batches.append({name: t.cpu() for name, t in outputs._asdict().items()})

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file, whole or not at all."""
        folder = run_folder(trainer)
        if folder is None or not self._batches:
            return
        arrays = {
            name: torch.cat([batch[name] for batch in self._batches]).numpy()
            for name in self._batches[0]
        }
        path = folder / "predictions.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(".predictions.partial.npz")
        np.savez(partial, allow_pickle=False, **arrays)
        os.replace(partial, path)
        people = len(next(iter(arrays.values())))
        print(f"Fits of {people} people: {short(str(path))}")
