"""One short training of the ablations, with its validations."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor

from lsr1_pl.bench.functions.ablation_variants import Variant
from lsr1_pl.bench.short_training import train_shortly
from lsr1_pl.data import QuadraticBatch, QuadraticsDataModule
from lsr1_pl.optim import LSR1, BatchedOptimizer, unroll
from lsr1_pl.tasks import FunctionTask

EVERY, STEPS = 100, 16


class Validations(Callback):
    """Runs the fixed validation set every so many iterations."""

    def __init__(self, batch: QuadraticBatch, every: int) -> None:
        self.batch = batch
        self.every = every
        self.found: list[dict[str, Any]] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Validate, in eval mode."""
        if trainer.global_step % self.every:
            return
        pl_module.eval()
        outcome = evaluate(pl_module.optimizer, self.batch)  # type: ignore[arg-type]
        pl_module.train()
        skipped = int(pl_module.skipped_steps)  # type: ignore[arg-type]
        self.found.append({"iteration": trainer.global_step, "skipped": skipped, **outcome})


def evaluate(optimizer: BatchedOptimizer, batch: QuadraticBatch) -> dict[str, Any]:
    """Table 4's figure: the value after 16 steps, its mean and spread over the problems."""
    objective = batch.objective
    with torch.no_grad():
        path = unroll(optimizer, objective, batch.x0, STEPS)
    final = path.values[-1].double()
    minimum = objective.minimum().double()
    relative = (final - minimum) / (path.values[0].double() - minimum)
    return {
        "finite": bool(final.isfinite().all()),
        "mean": float(final.mean()),
        "std": float(final.std()),
        "median_relative": _median(relative),
    }


def _median(values: Tensor) -> float:
    return float(values.nan_to_num(nan=torch.inf).median())


def validation_data(seed: int, evaluation_seed: int) -> QuadraticsDataModule:
    """Section 5.1.1's data: training of ``seed``, fixed sets of ``evaluation_seed``."""
    return QuadraticsDataModule(seed=seed, evaluation_seed=evaluation_seed)


def training_data(variant: Variant, seed: int, evaluation_seed: int) -> QuadraticsDataModule:
    """What a row trains on: Section 5.1.1's data, or those of the authors' example."""
    if not variant.published:
        return validation_data(seed, evaluation_seed)
    return QuadraticsDataModule(
        batch_size=32,
        distribution="uniform",
        radius=5.12,
        seed=seed,
        evaluation_seed=evaluation_seed,
    )


def train(
    variant: Variant, seed: int, iterations: int, evaluation_seed: int
) -> list[dict[str, Any]]:
    """Train one row with one seed; its validations, every ``EVERY`` iterations."""
    seed_everything(seed, verbose=False)
    optimizer = LSR1(**variant.optimizer_arguments())
    task = FunctionTask(optimizer, **variant.task_arguments())
    data = training_data(variant, seed, evaluation_seed)
    (batch,) = validation_data(seed, evaluation_seed).val_dataloader()
    validations = Validations(batch, min(EVERY, iterations))
    clip = 0.01 if variant.published else 1.0
    train_shortly(task, data, iterations, clip, [validations])
    return validations.found
