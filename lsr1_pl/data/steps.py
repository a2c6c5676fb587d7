"""Streams of batches: endless ones to train on, and fixed ones to evaluate on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any, cast

import torch
from pytorch_lightning import Trainer
from torch.utils.data import DataLoader, IterableDataset

_TRAINING = 0


class _Stream(IterableDataset[Any]):
    def __init__(self, begin: Callable[[], Iterable[Any]]) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[Any]:
        return iter(self._begin())


def step_loader(draw: Callable[[int], Any], trainer: Trainer | None) -> DataLoader[Any]:
    """An endless loader of ``draw(0)``, ``draw(1)``, ..., dealt out to the processes in turn.

    At step s of W processes, process r trains on batch ``s W + r``. It begins at the trainer's
    step, so that a resumed run, and each epoch of a run that has several, sees exactly the batches
    that one uninterrupted pass would have seen.
    """

    def batches() -> Iterator[Any]:
        step, rank, processes = 0, 0, 1
        if trainer is not None:
            step, rank, processes = trainer.global_step, trainer.global_rank, trainer.world_size
        return map(draw, count(step * processes + rank, processes))

    return DataLoader(_Stream(batches), batch_size=None)


def fixed_loader(batches: Iterable[Any]) -> DataLoader[Any]:
    """A loader of the same batches in every process.

    A sampler that deals them out would repeat some to come out even; every process evaluates all
    of them instead, and all select the same checkpoint.
    """
    return DataLoader(_Stream(lambda: batches), batch_size=None)


def training_generator(seed: int, number: int) -> torch.Generator:
    """The generator of one training batch."""
    return step_generator(seed, _TRAINING, number)


def step_generator(seed: int, *key: int) -> torch.Generator:
    """A generator that depends on ``seed`` and ``key`` (a step, a split, ...) alone."""
    # A seed sequence keeps neighbouring (seed, step) pairs unrelated; adding them would not.
    import numpy as np

    words = np.random.SeedSequence((seed, *key)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(cast(Any, words[0])) >> 1)
