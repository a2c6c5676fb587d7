"""One way to vary people, and how several work one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from lsr1_pl.data.motion.sampler import MotionBatch
from lsr1_pl.data.steps import step_generator
from lsr1_pl.ground.errors import UserError

_AUGMENTATION = 5
"""The stream of random numbers; a training's batches have others."""


class Augmentation(ABC):
    """Makes other people of a batch of people: one part of :class:`MotionDataModule`'s list."""

    @abstractmethod
    def __call__(self, batch: MotionBatch, generator: torch.Generator) -> MotionBatch:
        """The batch with some of its people changed; what it gets is left as it is."""


def augmented(
    batch: MotionBatch, parts: Sequence[Augmentation], seed: int, number: int
) -> MotionBatch:
    """Batch ``number`` after all parts, in their order.

    The result depends on the batch, ``seed`` and ``number`` alone, and what a part draws depends
    on its place, not on what the parts before it drew.
    """
    for place, part in enumerate(parts):
        batch = part(batch, step_generator(seed, _AUGMENTATION, number, place))
    return batch


def chosen(count: int, probability: float, generator: torch.Generator) -> Tensor:
    """(count,) bool: who is changed."""
    return torch.rand(count, generator=generator) < probability


def check_probabilities(owner: object, **probabilities: float) -> None:
    """Raises a UserError that names the first that lies outside [0, 1]."""
    for name, value in probabilities.items():
        if not 0 <= value <= 1:
            raise UserError(f"{type(owner).__name__} {name} is {value}; it must lie in [0, 1]")
