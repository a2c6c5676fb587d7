"""Where a run's reports go."""

from __future__ import annotations

from pathlib import Path

from pytorch_lightning import Trainer


def run_folder(trainer: Trainer) -> Path | None:
    """The folder of the run's log; None without one.

    Unlike ``trainer.log_dir``, which every process must read at once, it is no broadcast.
    """
    log_dir = getattr(trainer.logger, "log_dir", None)
    return Path(log_dir) if log_dir else None
