"""An endless stream of training batches, each a function of its step number alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, cast

import torch
from pytorch_lightning import Trainer
from torch.utils.data import DataLoader, IterableDataset

_TRAINING = 0


class _StepStream(IterableDataset[Any]):
    def __init__(self, draw: Callable[[int], Any], first_step: Callable[[], int]) -> None:
        self._draw = draw
        self._first_step = first_step

    def __iter__(self) -> Iterator[Any]:
        return map(self._draw, count(self._first_step()))


def step_loader(draw: Callable[[int, int], Any], trainer: Trainer | None) -> DataLoader[Any]:
    """A loader of ``draw(s, rank)``, ``draw(s + 1, rank)``, ... without end.

    s is the trainer's step whenever an iteration begins, so that a resumed run, and each epoch of
    a run that has several, sees exactly the batches that one uninterrupted pass would have seen.
    ``rank`` is the process' own, so that processes train on different batches.
    """

    def first_step() -> int:
        return trainer.global_step if trainer else 0

    rank = trainer.global_rank if trainer else 0
    return DataLoader(_StepStream(lambda step: draw(step, rank), first_step), batch_size=None)


def training_generator(seed: int, step: int, rank: int) -> torch.Generator:
    """The generator of one process' training batch."""
    return step_generator(seed, _TRAINING, step, *((rank,) if rank else ()))


def step_generator(seed: int, *key: int) -> torch.Generator:
    """A generator that depends on ``seed`` and ``key`` (a step, a split, ...) alone."""
    # A seed sequence keeps neighbouring (seed, step) pairs unrelated; adding them would not.
    import numpy as np

    words = np.random.SeedSequence((seed, *key)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(cast(Any, words[0])) >> 1)
