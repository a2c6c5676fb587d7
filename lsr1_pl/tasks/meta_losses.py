"""What a task of functions learns from: one object for each meta-loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.metrics.suboptimality import log_suboptimality
from lsr1_pl.optim import BatchedOptimizer, Trajectory, unroll

_LIMIT = 2.0
"""Beyond this a log ratio counts by its logarithm: one lost problem must not drown the others."""


@runtime_checkable
class HasMinimum(Protocol):
    """An objective that knows its least value."""

    def minimum(self) -> Tensor:
        """(B,)."""
        ...


@runtime_checkable
class HasSkeleton(Protocol):
    """A learned optimiser that knows the classical method which it is without its networks."""

    def skeleton(self) -> BatchedOptimizer:
        """The same method, untrained."""
        ...


class MetaLoss(ABC):
    """What a training unroll of B problems costs. One is chosen by its class."""

    def check(self, optimizer: object) -> None:  # noqa: B027
        """Refuse an optimiser that cannot be trained with this loss.

        Raises:
            UserError: it lacks something that the loss needs.
        """

    @abstractmethod
    def measure(
        self, path: Trajectory, objective: Objective, optimizer: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, a scalar with its graph; and, by name, what else is logged under ``train/``.

        Args:
            path: the training unroll.
            objective: of the same B problems.
            optimizer: what is trained; it knows the features of these problems, if they have any.
        """


@dataclass(frozen=True)
class MeanValue(MetaLoss):
    """The mean of f over steps and problems, as the paper's Eq. 9 has it."""

    def measure(
        self, path: Trajectory, objective: Objective, optimizer: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean of the K values after the start's, of all problems."""
        value = path.values[1:].mean()
        return value, {"value": value}


@dataclass(frozen=True)
class RelativeSuboptimality(MetaLoss):
    """The mean of ``(f - f*) / (f_0 - f*)``: every problem weighs alike, whatever its scale.

    It is for objectives that know their least value f*, by a method ``minimum()``.
    """

    def measure(
        self, path: Trajectory, objective: Objective, optimizer: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over the K values after the start's, and over problems.

        Raises:
            UserError: the objective does not know its minimum.
        """
        if not isinstance(objective, HasMinimum):
            raise UserError(
                f"loss is RelativeSuboptimality; {type(objective).__name__} does not know its "
                "minimum: take MeanValue"
            )
        least = objective.minimum()
        value = ((path.values[1:] - least) / (path.values[0] - least).detach()).mean()
        return value, {"value": value}


@dataclass(frozen=True)
class LogRatioToSkeleton(MetaLoss):
    """The mean over steps of ``log((s + floor) / (s' + floor))``, for optimisers with a skeleton.

    s is the relative suboptimality ``(f_k - f*) / (f_0 - f*)``, and s' the skeleton's at the same
    step; f* is the least value that the skeleton finds in twice the steps. The ratio knows no
    scale, so that every family of functions weighs alike.

    Args:
        floor: of the relative suboptimality, above 0: what lies below counts little.
        own_minimum: whether f* is also sought by the optimiser itself in twice the steps. Then it
            still learns where it is far ahead of its skeleton, as one of a family is: what lies
            below f* has no gradient. Where the two are close, this unrest of f* costs more.

    Raises:
        UserError: ``floor`` is not above 0.
    """

    floor: float = 1e-7
    own_minimum: bool = False

    def __post_init__(self) -> None:
        if not self.floor > 0:
            raise UserError(f"LogRatioToSkeleton floor is {self.floor}; it must be above 0")

    def check(self, optimizer: object) -> None:
        """Refuse an optimiser without a skeleton."""
        check_skeleton("loss is LogRatioToSkeleton", optimizer, "MeanValue")

    def measure(
        self, path: Trajectory, objective: Objective, optimizer: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over problems whose ratio is finite."""
        steps = len(path.values) - 1
        with torch.no_grad():
            x0 = path.iterates[0].detach()
            reference = unroll(optimizer.skeleton(), objective, x0, 2 * steps)
            found = reference.values
            if self.own_minimum:
                own = unroll(optimizer, objective, x0, 2 * steps).values
                found = torch.cat([found, own.nan_to_num(nan=torch.inf)])
        least, start = found.min(dim=0).values, reference.values[0]
        ours = log_suboptimality(path.values[1:], least, start, self.floor)
        theirs = log_suboptimality(reference.values[1 : steps + 1], least, start, self.floor)
        ratio = ours - theirs
        ratio = torch.where(ratio > _LIMIT, _LIMIT + torch.log1p(ratio - _LIMIT), ratio)
        by_problem = ratio.mean(dim=0)
        sound = by_problem.isfinite()
        loss = torch.where(sound, by_problem, torch.zeros_like(by_problem)).mean()
        cost = path.evaluations[-1].double().mean() / (steps + 2)
        return loss, {"evaluations_a_step": cost.float()}


def check_skeleton(what: str, optimizer: object, instead: str) -> None:
    """Refuse an optimiser without a skeleton, to be compared with.

    Raises:
        UserError: ``optimizer`` has no method ``skeleton``.
    """
    if not isinstance(optimizer, HasSkeleton):
        raise UserError(
            f"{what}; {type(optimizer).__name__} has no skeleton() to be compared with: "
            f"take {instead}"
        )
