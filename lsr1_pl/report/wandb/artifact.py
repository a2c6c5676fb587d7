"""The best checkpoint as a W&B artifact, with all that says what it is."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from lsr1_pl.report.run_folder import run_folder

_DATA_DIR = "WANDB_DATA_DIR"


def log_best_checkpoint(
    run: Any, trainer: Trainer, task: LightningModule, validations: Sequence[Mapping[str, float]]
) -> None:
    """Log ``best.ckpt``, ``config.yaml`` and ``card.json``: data, metrics and protocol.

    Args:
        run: of W&B.
        trainer: of the fit.
        task: what was trained.
        validations: the metrics of each validation; the checkpoint's own are found among them.
    """
    import wandb

    best = _best(trainer)
    folder = run_folder(trainer)
    if best is None or folder is None:
        return
    assert best.best_model_score is not None
    score = float(best.best_model_score)
    monitor = str(best.monitor)
    found = next((dict(v) for v in validations if v.get(monitor) == score), {monitor: score})
    metrics = {key: _written(value) for key, value in found.items()}
    card = {
        "monitor": monitor,
        "score": _written(score),
        "data": data_hashes(trainer),
        "metrics": metrics,
        "protocol": str(getattr(task, "curves_note", "")),
    }
    # W&B takes 100 keys of metadata at most: the metrics by inner step are in the card.
    metadata = {**card, "metrics": {k: v for k, v in metrics.items() if "_step_" not in k}}
    with staged_in(folder / "wandb"), tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "card.json"
        path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        artifact = wandb.Artifact(f"best-{run.id}", type="model", metadata=metadata)
        artifact.add_file(best.best_model_path, name="best.ckpt")
        artifact.add_file(str(path), name="card.json")
        if (folder / "config.yaml").is_file():
            artifact.add_file(str(folder / "config.yaml"), name="config.yaml")
        run.log_artifact(artifact, aliases=["best"])


def _written(number: float) -> float | str:
    """A number as JSON and W&B take it: those that are not finite as words, such as ``nan``."""
    return number if math.isfinite(number) else str(number)


def _best(trainer: Trainer) -> ModelCheckpoint | None:
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.best_model_score is not None:
            return callback
    return None


def data_hashes(trainer: Trainer) -> dict[str, str]:
    """SHA-256 of each data manifest; for data that are drawn, of the settings that they are drawn
    by."""
    data: Any = getattr(trainer, "datamodule", None)
    if hasattr(data, "fingerprints"):
        return dict(data.fingerprints())
    settings = json.dumps(dict(getattr(data, "hparams", {})), sort_keys=True, default=str)
    return {"settings": hashlib.sha256(settings.encode()).hexdigest()}


@contextmanager
def staged_in(folder: Path) -> Iterator[None]:
    """W&B's copies of an artifact's files go here, unless the user has said where: an offline run
    then holds all that a later upload needs."""
    if _DATA_DIR in os.environ:
        yield
        return
    os.environ[_DATA_DIR] = str(folder)
    try:
        yield
    finally:
        del os.environ[_DATA_DIR]
