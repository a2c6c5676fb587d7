"""What an exact resume needs: the newest state, its random numbers, and the run's own folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError

RANDOM_STATE = "lsr1_random_state"
"""Where a checkpoint holds torch's random numbers: the CPU's state, then each CUDA device's."""


class RunFolder(NamedTuple):
    """``root/name/version``: where a run writes; a version of None is the next free one."""

    root: Path
    name: str
    version: str | None = None

    @property
    def path(self) -> Path:
        """The folder of a given version."""
        return self.root / self.name / str(self.version)


def folder_of_last(checkpoint: Path) -> RunFolder | None:
    """The folder of the run that ``.../version_K/checkpoints/last.ckpt`` is the end of.

    None for any other checkpoint: going on from the middle of a run starts a new version.
    """
    version = checkpoint.absolute().parent.parent.resolve()
    # A link in its place leads to another run, or to none.
    if checkpoint.resolve() != version / "checkpoints" / "last.ckpt":
        return None
    if not version.name.startswith("version_"):
        return None
    return RunFolder(version.parent.parent, version.parent.name, version.name)


def check_no_way_out(folder: Path) -> None:
    """Refuse to go on in a folder with links that lead out of it: writing would follow them.

    Raises:
        UserError: there is such a link.
    """
    for place, folders, files in os.walk(folder):
        if Path(place).match("wandb/*run-*"):
            # W&B links to a log of its own here, and makes such a folder anew for each run.
            folders[:] = [name for name in folders if name != "logs"]
        for name in (*folders, *files):
            path = Path(place) / name
            if path.is_symlink() and folder not in path.resolve().parents:
                raise UserError(
                    f"{plain(path)}: is a link that leads out of the run's folder, and going on "
                    "would write through it; remove it, or copy the checkpoint elsewhere and name "
                    "the copy with --ckpt; if you trust the folder, add --trust_checkpoint true"
                )


class LastCheckpoint(Checkpoint):
    """``last.ckpt`` after every validation and at the end, and torch's random state in each file.

    ModelCheckpoint's own ``save_last`` writes only when the best is improved upon, and Lightning
    restores no random state: dropout would go on with other masks than an uninterrupted run.
    """

    def __init__(self) -> None:
        self.saved_at = -1
        """The iteration that this process last saved; -1 before it has."""
        self._random_state: list[torch.Tensor] | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save, in a fit."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what came after the last validation."""
        self.save(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Put the random state into the checkpoint: the CPU's, then each CUDA device's."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        checkpoint[RANDOM_STATE] = [torch.get_rng_state(), *cuda]

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the random state until training starts: setting up loaders draws numbers."""
        self._random_state = checkpoint.get(RANDOM_STATE)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Go on with the checkpoint's random numbers."""
        if self._random_state is None:
            return
        cpu, *cuda = self._random_state
        torch.set_rng_state(cpu.cpu())
        if len(cuda) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([state.cpu() for state in cuda])
        self._random_state = None

    def save(self, trainer: Trainer) -> None:
        """Write ``last.ckpt``, unless it holds this iteration already."""
        if trainer.fast_dev_run or trainer.log_dir is None or trainer.global_step == self.saved_at:  # type: ignore[attr-defined]
            return
        self.saved_at = trainer.global_step
        trainer.save_checkpoint(Path(trainer.log_dir) / "checkpoints" / "last.ckpt")
