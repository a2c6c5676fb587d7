"""The endless stream of batches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import cast

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning import Trainer
from torch import Tensor

from lsr1_pl.data import QuadraticBatch, QuadraticsDataModule
from lsr1_pl.data.steps import step_generator, step_loader


class Recorder(pl.LightningModule):
    """Trains nothing, remembers the batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: list[Tensor] = []

    def training_step(self, batch: QuadraticBatch, batch_idx: int) -> Tensor:
        self.seen.append(batch.b.clone())
        return self.weight.sum()

    def validation_step(self, batch: QuadraticBatch, batch_idx: int) -> None:
        """The data module has a validation set: Lightning wants it used."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_several_epochs_never_repeat_a_batch() -> None:
    data, model = QuadraticsDataModule(batch_size=2), Recorder()
    pl.Trainer(
        accelerator="cpu",
        max_epochs=3,
        limit_train_batches=2,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(model, data)
    expected = torch.stack([data.train_batch(step).b for step in range(6)])
    torch.testing.assert_close(torch.stack(model.seen), expected)


@dataclass
class Process:
    """What a loader asks of a trainer."""

    global_step: int
    global_rank: int
    world_size: int


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_the_batches_out_from_the_trainers_step_on(processes: int) -> None:
    loaders = [
        step_loader(lambda number: number, cast(Trainer, Process(4, rank, processes)))
        for rank in range(processes)
    ]
    dealt = [list(islice(loader, 5)) for loader in loaders]
    in_turn = [number for step in zip(*dealt, strict=True) for number in step]
    assert in_turn == list(range(4 * processes, 9 * processes))


def test_generators_of_neighbouring_keys_are_unrelated() -> None:
    keys = [(0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 0, 2), (1, 1, 1)]
    draws = [torch.rand(3, generator=step_generator(*key)) for key in keys]
    assert len({tuple(draw.tolist()) for draw in draws}) == len(keys)
    torch.testing.assert_close(torch.rand(3, generator=step_generator(0, 0, 1)), draws[0])
