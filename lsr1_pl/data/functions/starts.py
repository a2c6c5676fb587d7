"""Start points on one fixed function (Appendix C.2.2)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from lsr1_pl.data.steps import fixed_loader, step_generator, step_loader, training_generator
from lsr1_pl.ground.choices import choices_checked
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.optim.checks import check_counts

_VALIDATION, _TEST = 1, 2

Distribution = Literal["normal", "uniform"]


class StartBatch(NamedTuple):
    """B problems that differ in their start points alone."""

    function: Objective
    x0: Tensor
    """(B, N)."""

    @property
    def objective(self) -> Objective:
        """The objective of the B problems."""
        return self.function


def draw_starts(
    count: int,
    size: int,
    generator: torch.Generator,
    distribution: Distribution,
    radius: float,
) -> Tensor:
    """(count, size): ``radius`` times standard normal, or uniform in [-radius, radius]."""
    if distribution == "normal":
        return radius * torch.randn(count, size, generator=generator)
    return radius * (2 * torch.rand(count, size, generator=generator) - 1)


def check_radius(owner: object, radius: float) -> None:
    """Refuse a radius of start points that is not above 0.

    Raises:
        UserError: it is not.
    """
    if not radius > 0:
        raise UserError(f"{type(owner).__name__} radius is {radius}; it must be above 0")


@choices_checked
class StartsDataModule(LightningDataModule):
    """Endless training batches of start points on ``function``; fixed validation and test sets.

    A training batch depends on (``seed``, its number) alone, the fixed sets on
    ``evaluation_seed`` alone.

    Args:
        function: the objective, the same for all problems.
        size: N of training and validation.
        test_size: N of the test set.
        batch_size: start points in a training batch.
        evaluation_count: start points in each fixed set.
        distribution: of the coordinates, independent: normal or uniform around 0.
        radius: standard deviation, or half the width.
        seed: of the training batches.
        evaluation_seed: of the two fixed sets.
    """

    def __init__(
        self,
        function: Objective,
        size: int = 100,
        test_size: int = 100,
        batch_size: int = 8,
        evaluation_count: int = 8,
        distribution: Distribution = "uniform",
        radius: float = 1.0,
        seed: int = 0,
        evaluation_seed: int = 2026,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["function"])
        check_counts(
            self,
            size=size,
            test_size=test_size,
            batch_size=batch_size,
            evaluation_count=evaluation_count,
        )
        check_radius(self, radius)
        self.function = function
        self.size = size
        self.test_size = test_size
        self.batch_size = batch_size
        self.evaluation_count = evaluation_count
        self.distribution = distribution
        self.radius = radius
        self.seed = seed
        self.evaluation_seed = evaluation_seed

    def train_batch(self, number: int) -> StartBatch:
        """The training batch of this number."""
        generator = training_generator(self.seed, number)
        return self._draw(self.batch_size, self.size, generator)

    def train_dataloader(self) -> DataLoader[StartBatch]:
        """Endless; continues at the trainer's step."""
        return step_loader(self.train_batch, self.trainer)

    def val_dataloader(self) -> DataLoader[StartBatch]:
        """One batch: the fixed validation set."""
        return self._fixed(_VALIDATION, self.size)

    def test_dataloader(self) -> DataLoader[StartBatch]:
        """One batch: the fixed test set."""
        return self._fixed(_TEST, self.test_size)

    def _fixed(self, split: int, size: int) -> DataLoader[StartBatch]:
        generator = step_generator(self.evaluation_seed, split)
        batch = self._draw(self.evaluation_count, size, generator)
        return fixed_loader([batch])

    def _draw(self, count: int, size: int, generator: torch.Generator) -> StartBatch:
        x0 = draw_starts(count, size, generator, self.distribution, self.radius)
        return StartBatch(self.function, x0)
