"""The resolved config of a run: in its folder, its checkpoints and its W&B page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback
from pytorch_lightning.loggers import WandbLogger

from lsr1_pl.cli.training.run_log import ContinuedCSVLogger
from lsr1_pl.ground.files import written
from lsr1_pl.pretrained import CONFIG_KEY


class RecordConfig(SaveConfigCallback):
    """Writes ``config.yaml`` beside the CSV log and carries the config in every checkpoint."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the file, and send the config to W&B if the run logs there."""
        # log_dir is a broadcast: every process must read it.
        folder = Path(str(trainer.log_dir))
        for logger in trainer.loggers:
            if isinstance(logger, ContinuedCSVLogger):
                logger.take_version(folder)
        if not trainer.is_global_zero or not trainer.loggers:
            return
        with written(folder / "config.yaml") as partial:
            partial.write_text(self._text(), encoding="utf-8")
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                config = yaml.safe_load(self._text())
                logger.experiment.config.update(config, allow_val_change=True)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Put the config into the checkpoint."""
        checkpoint[CONFIG_KEY] = self._text()

    def _text(self) -> str:
        config = self.config.clone()
        # Which checkpoint a run went on from is no part of what it is.
        for key in ("ckpt", "config", "trust_checkpoint"):
            config.pop(key, None)
        text: str = self.parser.dump(config, skip_none=False, skip_validation=True)
        return text
