"""Logging to Weights & Biases, beside the CSV log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from lsr1_pl.ground.errors import UserError


@dataclass
class WandbSettings:
    """A W&B run.

    Args:
        project: the project that it belongs to.
        name: what W&B's pages call it; the run's own name if none is given.
        offline: write to the run's folder only; ``wandb sync`` uploads it later.
        group: to be shown together with others of this group.
        tags: to be found by.
        pictures_every: validations from one set of pictures to the next.
    """

    project: str = "lsr1"
    name: str | None = None
    offline: bool = False
    group: str | None = None
    tags: Sequence[str] = ()
    pictures_every: int = 10


class _Log(WandbLogger):
    """Lightning's, whose run has one set of hyperparameters: the config that RecordConfig sends."""

    def log_hyperparams(self, params: Any) -> None:
        """Nothing: what a class saves of its arguments stands in the config."""


def start_wandb(settings: WandbSettings, verb: str, run_name: str, folder: Path) -> WandbLogger:
    """Start a W&B run that keeps its files in ``folder``; its ``job_type`` is the verb.

    Raises:
        UserError: W&B refuses, or cannot be reached.
    """
    import wandb

    if rank_zero_only.rank == 0:  # type: ignore[attr-defined]
        folder.mkdir(parents=True, exist_ok=True)
    logger = _Log(
        name=settings.name or run_name,
        project=settings.project,
        save_dir=folder,
        offline=settings.offline,
        group=settings.group,
        job_type=verb,
        tags=list(settings.tags),
    )
    try:
        _ = logger.experiment
    except wandb.Error as error:
        raise UserError(
            f"wandb: {str(error).rstrip('.')}; run `wandb login`, or keep the log here with "
            "--wandb.offline true"
        ) from None
    return logger


def finish_wandb() -> None:
    """Close the W&B run, if one is open."""
    import wandb

    if wandb.run is not None:
        wandb.finish()
