"""Random quadratics (Appendix C.2.1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from lsr1_pl.data.functions.starts import Distribution, check_radius, draw_starts
from lsr1_pl.data.steps import fixed_loader, step_generator, step_loader, training_generator
from lsr1_pl.ground.choices import choices_checked
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim.checks import check_counts

_VALIDATION, _TEST = 1, 2


class QuadraticBatch(NamedTuple):
    """B quadratics ``x^T H x / 2 + b^T x`` and their start points."""

    H: Tensor
    """(B, N, N), positive semi-definite, of Frobenius norm 1."""
    b: Tensor
    """(B, N), of norm 1."""
    x0: Tensor
    """(B, N)."""

    @property
    def objective(self) -> Quadratic:
        """The objective of the B problems."""
        return Quadratic(self.H, self.b)


def draw_quadratics(
    count: int,
    size: int,
    generator: torch.Generator,
    max_condition: float | None = None,
    distribution: Distribution = "normal",
    radius: float = 1.0,
) -> QuadraticBatch:
    """``count`` problems of ``size`` variables: H = A^T A / |A^T A|_F, A and b standard normal.

    The starts are those of :func:`draw_starts`.

    With ``max_condition``, matrices whose condition number (in float64) exceeds it are drawn
    again, as the paper does for validation and test.
    """
    accepted: list[Tensor] = []
    missing = count
    while missing > 0:
        A = torch.randn(count, size, size, generator=generator)
        H = A.mT @ A
        if max_condition is not None:
            H = H[torch.linalg.cond(H.double()) <= max_condition]
        accepted.append(H[:missing])
        missing -= len(accepted[-1])
    H = torch.cat(accepted)
    b = torch.randn(count, size, generator=generator)
    return QuadraticBatch(
        H=H / torch.linalg.matrix_norm(H, keepdim=True),
        b=b / b.norm(dim=1, keepdim=True),
        x0=draw_starts(count, size, generator, distribution, radius),
    )


@choices_checked
class QuadraticsDataModule(LightningDataModule):
    """Endless training batches; fixed validation and test sets, start points included.

    A training batch depends on (``seed``, its number) alone; the two fixed sets depend on
    ``evaluation_seed`` alone, so that runs with different seeds are judged on the same problems.

    Args:
        size: N of training and validation.
        test_size: N of the test set.
        batch_size: problems in a training batch.
        evaluation_count: problems in each fixed set.
        max_condition: largest condition number in the fixed sets, None for no limit; training is
            unconditioned.
        distribution: of the start points' coordinates, independent: normal or uniform around 0.
        radius: their standard deviation, or half the width.
        seed: of the training batches.
        evaluation_seed: of the two fixed sets.
    """

    def __init__(
        self,
        size: int = 2,
        test_size: int = 10,
        batch_size: int = 128,
        evaluation_count: int = 32,
        max_condition: float | None = 1000.0,
        distribution: Distribution = "normal",
        radius: float = 1.0,
        seed: int = 0,
        evaluation_seed: int = 2026,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        check_counts(
            self,
            size=size,
            test_size=test_size,
            batch_size=batch_size,
            evaluation_count=evaluation_count,
        )
        if max_condition is not None and not max_condition > 1:
            raise UserError(f"QuadraticsDataModule max_condition is {max_condition}; must exceed 1")
        check_radius(self, radius)
        self.size = size
        self.test_size = test_size
        self.batch_size = batch_size
        self.evaluation_count = evaluation_count
        self.max_condition = max_condition
        self.starts: tuple[Distribution, float] = (distribution, radius)
        self.seed = seed
        self.evaluation_seed = evaluation_seed

    def train_batch(self, number: int) -> QuadraticBatch:
        """The training batch of this number."""
        generator = training_generator(self.seed, number)
        return draw_quadratics(self.batch_size, self.size, generator, None, *self.starts)

    def train_dataloader(self) -> DataLoader[QuadraticBatch]:
        """Endless; continues at the trainer's step."""
        return step_loader(self.train_batch, self.trainer)

    def val_dataloader(self) -> DataLoader[QuadraticBatch]:
        """One batch: the fixed validation set."""
        return self._fixed(_VALIDATION, self.size)

    def test_dataloader(self) -> DataLoader[QuadraticBatch]:
        """One batch: the fixed test set."""
        return self._fixed(_TEST, self.test_size)

    def _fixed(self, split: int, size: int) -> DataLoader[QuadraticBatch]:
        problems = draw_quadratics(
            self.evaluation_count,
            size,
            step_generator(self.evaluation_seed, split),
            self.max_condition,
            *self.starts,
        )
        return fixed_loader([problems])
