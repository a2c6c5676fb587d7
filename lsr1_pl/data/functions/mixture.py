"""Problems of several families and sizes, for an optimiser that is to serve them all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from lsr1_pl.data.functions.quadratics import draw_quadratics
from lsr1_pl.data.steps import fixed_loader, step_generator, step_loader, training_generator
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.objectives import (
    DiagonalQuadratic,
    LogisticRegression,
    Quadratic,
    Rastrigin,
    Rosenbrock,
    TanhLeastSquares,
)
from lsr1_pl.optim.checks import check_counts

FAMILIES = (
    "quadratic",
    "tall quadratic",
    "diagonal quadratic",
    "rosenbrock",
    "rastrigin",
    "logistic regression",
    "least squares",
)
_VALIDATION, _TEST = 1, 2


class MixtureBatch(NamedTuple):
    """B problems of one family and one N."""

    family: str
    """One of :data:`FAMILIES`."""
    x0: Tensor
    """(B, N) start points."""
    first: Tensor
    """H (B, N, N); the features (B, M, N); the condition number (); or nothing, (0,)."""
    second: Tensor
    """b (B, N); labels or targets (B, M); or nothing, (0,)."""

    @property
    def objective(self) -> Objective:
        """The objective of the B problems."""
        if self.family in ("quadratic", "tall quadratic"):
            return Quadratic(self.first, self.second)
        if self.family == "diagonal quadratic":
            return DiagonalQuadratic(float(self.first))
        if self.family == "logistic regression":
            return LogisticRegression(self.first, self.second)
        if self.family == "least squares":
            return TanhLeastSquares(self.first, self.second)
        return Rosenbrock() if self.family == "rosenbrock" else Rastrigin()


def draw_family(family: str, count: int, size: int, generator: torch.Generator) -> MixtureBatch:
    """``count`` problems of ``size`` variables, in float64.

    Quadratics as Appendix C.2.1 has them, A being N x N or, tall, 1.2 N x N; diagonal quadratics
    of condition 1 to 10,000; Rosenbrock and Rastrigin from their usual cubes; logistic regression
    on 2 N to 6 N noisy labels, columns of unlike scale; least squares of tanh with 1.2 N to 4 N
    targets that some x meets.

    Raises:
        UserError: no such family.
    """

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    nothing = torch.zeros(0, dtype=torch.float64)
    if family == "quadratic":
        drawn = draw_quadratics(count, size, generator)
        return MixtureBatch(family, drawn.x0.double(), drawn.H.double(), drawn.b.double())
    if family == "tall quadratic":
        A = normal(count, math.ceil(1.2 * size), size)
        H, b = A.mT @ A, normal(count, size)
        H = H / torch.linalg.matrix_norm(H, keepdim=True)
        return MixtureBatch(family, normal(count, size), H, b / b.norm(dim=1, keepdim=True))
    if family == "diagonal quadratic":
        return MixtureBatch(family, normal(count, size), 10 ** (4 * uniform(1)[0]), nothing)
    if family in ("rosenbrock", "rastrigin"):
        radius = 2.048 if family == "rosenbrock" else 5.12
        return MixtureBatch(family, radius * (2 * uniform(count, size) - 1), nothing, nothing)
    if family == "logistic regression":
        rows = math.ceil(size * (2 + 4 * float(uniform(1))))
        features = normal(count, rows, size) * (0.5 * normal(count, 1, size)).exp()
        true = normal(count, size, 1)
        margins = (features @ true).squeeze(2) + normal(count, rows)
        start = float(uniform(1)) * normal(count, size)
        return MixtureBatch(family, start, features, torch.where(margins > 0, 1.0, -1.0).double())
    if family == "least squares":
        rows = math.ceil(size * (1.2 + 2.8 * float(uniform(1))))
        features = 2 * normal(count, rows, size) / math.sqrt(size)
        targets = torch.tanh(features @ normal(count, size, 1)).squeeze(2)
        return MixtureBatch(family, normal(count, size), features, targets)
    raise UserError(f"families has {family!r}; take some of {list(FAMILIES)}")


class MixtureDataModule(LightningDataModule):
    """Endless training batches that go round the families and sizes; fixed evaluation sets.

    A training batch depends on (``seed``, its number) alone; the fixed sets, one batch for each
    family and size, on ``evaluation_seed`` alone.

    Args:
        families: of :data:`FAMILIES`.
        sizes: N of training and validation.
        test_sizes: N of the test set.
        batch_size: problems in a training batch.
        evaluation_count: problems in each batch of a fixed set.
        seed: of the training batches.
        evaluation_seed: of the two fixed sets.
    """

    def __init__(
        self,
        families: Sequence[str] = FAMILIES,
        sizes: Sequence[int] = (5, 10, 20, 40),
        test_sizes: Sequence[int] = (10, 100),
        batch_size: int = 32,
        evaluation_count: int = 32,
        seed: int = 0,
        evaluation_seed: int = 2026,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        check_counts(self, batch_size=batch_size, evaluation_count=evaluation_count)
        for name, values in (("families", families), ("sizes", sizes), ("test_sizes", test_sizes)):
            if not values:
                raise UserError(f"MixtureDataModule {name} is empty; name at least one")
        for family in families:
            if family not in FAMILIES:
                raise UserError(f"families has {family!r}; take some of {list(FAMILIES)}")
        if min(*sizes, *test_sizes) < 2:
            raise UserError(f"sizes are {list(sizes)} and {list(test_sizes)}; each at least 2")
        self.families = tuple(families)
        self.sizes = tuple(sizes)
        self.test_sizes = tuple(test_sizes)
        self.batch_size = batch_size
        self.evaluation_count = evaluation_count
        self.seed = seed
        self.evaluation_seed = evaluation_seed

    def train_batch(self, number: int) -> MixtureBatch:
        """The training batch of this number: families in turn, a size at random."""
        generator = training_generator(self.seed, number)
        choice = int(torch.randint(len(self.sizes), (1,), generator=generator))
        family = self.families[number % len(self.families)]
        return draw_family(family, self.batch_size, self.sizes[choice], generator)

    def train_dataloader(self) -> DataLoader[MixtureBatch]:
        """Endless; continues at the trainer's step."""
        return step_loader(self.train_batch, self.trainer)

    def val_dataloader(self) -> DataLoader[MixtureBatch]:
        """A batch of each family and size."""
        return self._fixed(_VALIDATION, self.sizes)

    def test_dataloader(self) -> DataLoader[MixtureBatch]:
        """A batch of each family and test size."""
        return self._fixed(_TEST, self.test_sizes)

    def _fixed(self, split: int, sizes: Sequence[int]) -> DataLoader[MixtureBatch]:
        return fixed_loader(
            [
                draw_family(
                    family,
                    self.evaluation_count,
                    size,
                    step_generator(self.evaluation_seed, split, size, *family.encode()),
                )
                for family in self.families
                for size in sizes
            ]
        )
