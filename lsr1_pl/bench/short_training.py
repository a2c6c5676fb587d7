"""Short trainings inside a study: seeded, on the CPU, without checkpoints or logs."""

from __future__ import annotations

from collections.abc import Sequence

from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer

from lsr1_pl.report import quiet_lightning


def train_shortly(
    task: LightningModule,
    data: LightningDataModule,
    iterations: int,
    clip: float = 1.0,
    callbacks: Sequence[Callback] = (),
) -> None:
    """Train ``task`` in place, without any validation.

    Args:
        task: what trains. Seed everything before it is made.
        data: what it trains on.
        iterations: meta-training steps.
        clip: the largest norm of the meta-gradient.
        callbacks: called as the trainer calls them.
    """
    quiet_lightning()
    Trainer(
        max_steps=iterations,
        accelerator="cpu",
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=clip,
        callbacks=list(callbacks),
    ).fit(task, data)
