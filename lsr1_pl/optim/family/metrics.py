"""Coordinates in which the problems of a family are round: one metric for all, or one for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import full_precision
from lsr1_pl.ground.types import Objective
from lsr1_pl.optim.checks import check_counts
from lsr1_pl.optim.family.network import ResidualNetwork
from lsr1_pl.optim.family.solved import Solved, diagonal_from_signs, positive_hessian
from lsr1_pl.optim.metric import CovarianceMetric, Metric

MOST_VARIABLES = 64
"""N of a metric that a network says: it has N (N + 1) / 2 numbers, and learns from Hessians."""


class LearnedMetric(nn.Module, ABC):
    """Says the coordinates of problems."""

    @abstractmethod
    def forward(self, features: Tensor, x: Tensor) -> Metric:
        """The metric of problems with features (B, F), which are begun at ``x`` (B, N)."""

    def curvature(self, objective: Objective, x: Tensor) -> Tensor | None:
        """What it learns of the Hessians at solutions ``x`` (B, N), a row each; None if nothing."""
        return None

    @abstractmethod
    def measure(self, solved: Solved) -> None:
        """Take from solutions what needs no training."""


class TrainedMetric(LearnedMetric):
    """Has weights, which train on Hessians at solutions."""

    @abstractmethod
    def loss(self, solved: Solved) -> Tensor:
        """What the weights train on, a scalar."""


class FamilyMetric(ABC):
    """A choice of metric; it is a part of :class:`FamilyOptimizer`."""

    @abstractmethod
    def module(self, variables: int, features: int) -> LearnedMetric:
        """The metric of problems of so many variables: x's own coordinates, as long as nothing
        is known."""


@dataclass(frozen=True)
class FlooredMetric(FamilyMetric):
    """A choice of metric from measured numbers, of which small ones are raised.

    Args:
        floor: numbers below so many times the largest are raised to it; above 0, at most 1.

    Raises:
        UserError: ``floor`` is out of its range.
    """

    floor: float = 1e-4

    def __post_init__(self) -> None:
        if not 0 < self.floor <= 1:
            name = type(self).__name__
            raise UserError(f"{name} floor is {self.floor}; it must be above 0 and at most 1")


@dataclass(frozen=True)
class SecondMoment(FlooredMetric):
    """One metric for all: in it ``x* - x0`` has unit second moment, x0 being the start.

    Args:
        floor: eigenvalues of the moment below so many times the largest are raised to it; above
            0 and at most 1.

    Raises:
        UserError: ``floor`` is out of its range.
    """

    def module(self, variables: int, features: int) -> LearnedMetric:
        """A moment that is the identity yet."""
        return _Moment(variables, self.floor)


@dataclass(frozen=True)
class DiagonalMetric(FlooredMetric):
    """One metric for all: a scale for each variable (Jacobi's preconditioner).

    In it the mean curvature along every variable is 1, the mean being over the Hessians at
    solutions. It has N numbers, so that a few dozen solved problems are enough to know it.

    Args:
        floor: curvatures below so many times the largest are raised to it; above 0, at most 1.

    Raises:
        UserError: ``floor`` is out of its range.
    """

    def module(self, variables: int, features: int) -> LearnedMetric:
        """Curvatures that are 1 yet."""
        return _Diagonal(variables, self.floor)


@dataclass(frozen=True)
class MetricNetwork(FamilyMetric):
    """A metric for each problem: a network says ``A = exp(S)``.

    It reads where the problem is begun, and its features.

    S is symmetric, so that A is positive definite whatever the network says. It trains to make
    A A the inverse of the Hessian H at the solution, by Stein's loss ``tr(A H A) - log det(A H A)
    - N``, which knows no unit.

    Args:
        width: of every hidden layer.
        blocks: residual blocks of two layers each.

    Raises:
        UserError: a number is below 1.
    """

    width: int = 256
    blocks: int = 3

    def __post_init__(self) -> None:
        check_counts(self, width=self.width, blocks=self.blocks)

    def module(self, variables: int, features: int) -> LearnedMetric:
        """The network, untrained: it says the mean metric.

        Raises:
            UserError: there are too many variables.
        """
        if variables > MOST_VARIABLES:
            raise UserError(
                f"metric is MetricNetwork and variables {variables}; it serves {MOST_VARIABLES} "
                "at most: take SecondMoment"
            )
        return _Network(variables, features, self)


class _Moment(LearnedMetric):
    second_moment: Tensor

    def __init__(self, variables: int, floor: float) -> None:
        super().__init__()
        self._metric = CovarianceMetric(floor)
        self.register_buffer("second_moment", torch.eye(variables))

    def forward(self, features: Tensor, x: Tensor) -> Metric:
        return self._metric(self.second_moment, x)

    @torch.no_grad()
    def measure(self, solved: Solved) -> None:
        way = (solved.solution - solved.start).to(self.second_moment)
        with full_precision(way):
            moment = way.T @ way / len(way)
        if bool((moment != 0).any()):
            self.second_moment.copy_(moment)


class _Diagonal(LearnedMetric):
    bend: Tensor

    def __init__(self, variables: int, floor: float) -> None:
        super().__init__()
        self._floor = floor
        self.register_buffer("bend", torch.ones(variables))

    def forward(self, features: Tensor, x: Tensor) -> Metric:
        bend = self.bend.to(x)
        stiff = bend.clamp_min(self._floor * float(bend.max())).sqrt()
        return Metric(stiff.reciprocal().diag(), stiff.diag())

    def curvature(self, objective: Objective, x: Tensor) -> Tensor:
        """(B, N) along each variable, estimated from random signs."""
        return diagonal_from_signs(partial(objective.hessian_vector_product, x), x)

    @torch.no_grad()
    def measure(self, solved: Solved) -> None:
        assert solved.hessian is not None
        bend = solved.hessian.double().mean(dim=0)
        if float(bend.max()) > 0:
            self.bend.copy_(bend)


class _Network(TrainedMetric):
    centre: Tensor
    middle: Tensor
    spread: Tensor

    def __init__(self, variables: int, features: int, shape: MetricNetwork) -> None:
        super().__init__()
        # Lists: a network that is made without memory, to be compared with a file, has them too.
        self._rows = [row for row in range(variables) for _ in range(row + 1)]
        self._columns = [column for row in range(variables) for column in range(row + 1)]
        count = len(self._rows)
        self.network = ResidualNetwork(features + variables, count, shape.width, shape.blocks)
        self.register_buffer("centre", torch.zeros(variables, variables))
        self.register_buffer("middle", torch.zeros(variables))
        self.register_buffer("spread", torch.ones(variables))

    def forward(self, features: Tensor, x: Tensor) -> Metric:
        exponent = self._exponent(features, x)
        with full_precision(x):
            return Metric(torch.matrix_exp(exponent), torch.matrix_exp(-exponent))

    def _exponent(self, features: Tensor, x: Tensor) -> Tensor:
        """(B, N, N) S."""
        place = (x - self.middle.to(x)) / self.spread.to(x)
        said = self.network(torch.cat([features.to(x), place], dim=1))
        half = said.new_zeros(len(said), *self.centre.shape)
        half[:, self._rows, self._columns] = said
        return self.centre.to(said) + half + half.mT

    def curvature(self, objective: Objective, x: Tensor) -> Tensor:
        """(B, N, N) the Hessian, made positive definite."""
        return positive_hessian(objective, x)

    @torch.no_grad()
    def measure(self, solved: Solved) -> None:
        """Begin at the root of the mean Hessian's inverse."""
        assert solved.hessian is not None
        self.middle.copy_(solved.start.mean(dim=0))
        spread = solved.start.std(dim=0, correction=0)
        # Of variables that begin alike there is nothing to read.
        self.spread.copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))
        values, vectors = torch.linalg.eigh(solved.hessian.double().mean(dim=0))
        values = values.clamp_min(1e-6 * float(values[-1].abs()))
        self.centre.copy_((vectors * (-0.5 * values.log())) @ vectors.T)

    def loss(self, solved: Solved) -> Tensor:
        assert solved.hessian is not None
        exponent = self._exponent(solved.features, solved.start)
        with full_precision(exponent):
            root = torch.matrix_exp(exponent)
            within = torch.diagonal(root @ solved.hessian @ root, dim1=1, dim2=2).sum(dim=1)
            trace = torch.diagonal(exponent, dim1=1, dim2=2).sum(dim=1)
            return (within - 2 * trace).mean()
