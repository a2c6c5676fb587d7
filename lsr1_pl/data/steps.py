"""An endless stream of training batches, each a function of its step number alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, cast

import torch
from torch.utils.data import DataLoader, IterableDataset


class _StepStream(IterableDataset[Any]):
    def __init__(self, draw: Callable[[int], Any], first_step: Callable[[], int]) -> None:
        self._draw = draw
        self._first_step = first_step

    def __iter__(self) -> Iterator[Any]:
        return map(self._draw, count(self._first_step()))


def step_loader(draw: Callable[[int], Any], first_step: Callable[[], int]) -> DataLoader[Any]:
    """A loader of ``draw(s)``, ``draw(s + 1)``, ... without end, s being ``first_step()``.

    ``first_step`` is asked whenever an iteration begins, so that a resumed run, and each epoch of
    a run that has several, sees exactly the batches that one uninterrupted pass would have seen.
    """
    return DataLoader(_StepStream(draw, first_step), batch_size=None)


def step_generator(seed: int, *key: int) -> torch.Generator:
    """A generator that depends on ``seed`` and ``key`` (a step, a split, ...) alone."""
    # A seed sequence keeps neighbouring (seed, step) pairs unrelated; adding them would not.
    import numpy as np

    words = np.random.SeedSequence((seed, *key)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(cast(Any, words[0])) >> 1)
