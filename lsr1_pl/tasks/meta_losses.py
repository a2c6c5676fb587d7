"""What a task of functions learns from: one object for each meta-loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from lsr1_pl.ground.choices import choices_checked
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.metrics.suboptimality import log_suboptimality
from lsr1_pl.optim import BatchedOptimizer, Trajectory, unroll
from lsr1_pl.optim.checks import check_positive

_LIMIT = 2.0
"""Beyond this a log ratio counts by its logarithm: one lost problem must not drown the others."""


@runtime_checkable
class HasMinimum(Protocol):
    """An objective that knows its least value."""

    def minimum(self) -> Tensor:
        """(B,), or () where it is the same for all problems."""
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


Yardstick = Callable[[Tensor, Tensor, int], Tensor]
"""What each step costs, (k, B): of the values (k, B) after the steps ``first`` to ``first + k - 1``
of one unroll, of the evaluations until then (k, B), 1 being the start's, and of ``first``, 1 or
more."""


class StepwiseLoss(MetaLoss):
    """A mean over steps and problems, so that a part of an unroll has a loss of its own.

    Evolution strategies need such a one (:class:`PersistentStrategies`).
    """

    @abstractmethod
    def yardstick(
        self, objective: Objective, x0: Tensor, start: Tensor, steps: int, optimizer: Any
    ) -> Yardstick:
        """What the values of one unroll are measured by, until it ends.

        Args:
            objective: of the B problems.
            x0: (B, N) where they start.
            start: (B,) f there.
            steps: K, of the whole unroll.
            optimizer: what is trained; it knows the features of these problems, if they have any.
        """

    def measure(
        self, path: Trajectory, objective: Objective, optimizer: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over the K values after the start's, and over problems."""
        value = self._terms(path, objective, optimizer).mean()
        return value, {"value": value}

    def _terms(self, path: Trajectory, objective: Objective, optimizer: Any) -> Tensor:
        """(K, B) of a whole unroll."""
        x0, start = path.iterates[0].detach(), path.values[0].detach()
        measured = self.yardstick(objective, x0, start, len(path.values) - 1, optimizer)
        return measured(path.values[1:], path.evaluations[1:], 1)


@dataclass(frozen=True)
class MeanValue(StepwiseLoss):
    """The mean of f over steps and problems, as the paper's Eq. 9 has it."""

    def yardstick(
        self, objective: Objective, x0: Tensor, start: Tensor, steps: int, optimizer: Any
    ) -> Yardstick:
        """The values themselves."""
        return lambda values, *_: values


@dataclass(frozen=True)
class RelativeSuboptimality(StepwiseLoss):
    """The mean of ``(f - f*) / (f_0 - f*)``: every problem weighs alike, whatever its scale.

    It is for objectives that know their least value f*, by a method ``minimum()``.
    """

    def yardstick(
        self, objective: Objective, x0: Tensor, start: Tensor, steps: int, optimizer: Any
    ) -> Yardstick:
        """The minimum, and how far above it the start is.

        Raises:
            UserError: the objective does not know its minimum.
        """
        least = _minimum(self, objective)
        return lambda values, *_: (values - least) / (start - least)


@dataclass(frozen=True)
class LogSuboptimality(StepwiseLoss):
    """The mean of ``log((f - f*) / (f_0 - f*) + floor)``: every further digit weighs alike.

    It is for objectives that know their least value f*, by a method ``minimum()``.

    Args:
        floor: of the relative suboptimality, above 0: what lies below counts little.

    Raises:
        UserError: ``floor`` is not above 0.
    """

    floor: float = 1e-10

    def __post_init__(self) -> None:
        check_positive(self, floor=self.floor)

    def yardstick(
        self, objective: Objective, x0: Tensor, start: Tensor, steps: int, optimizer: Any
    ) -> Yardstick:
        """The minimum, and how far above it the start is.

        Raises:
            UserError: the objective does not know its minimum.
        """
        least = _minimum(self, objective)
        return lambda values, *_: log_suboptimality(values, least, start, self.floor)


@choices_checked
@dataclass(frozen=True)
class LogRatioToSkeleton(StepwiseLoss):
    """The mean over steps of ``log((s + floor) / (s' + floor))``, for optimisers with a skeleton.

    s is the relative suboptimality ``(f_k - f*) / (f_0 - f*)``, and s' the skeleton's at the same
    step, unless told else; f* is the least value that the skeleton finds in twice the steps. The
    ratio knows no scale, so that every family of functions weighs alike.

    Args:
        floor: of the relative suboptimality, above 0: what lies below counts little.
        own_minimum: whether f* is also sought by the optimiser itself in twice the steps. Then it
            still learns where it is far ahead of its skeleton, as one of a family is: what lies
            below f* has no gradient. Where the two are close, this unrest of f* costs more.
        at_equal: whether s' is the skeleton's after as many steps, or after as many evaluations.
            What a step's evaluations cost has no derivative: backpropagation learns nothing of
            it, and evolution strategies do.

    Raises:
        UserError: ``floor`` is not above 0.
    """

    floor: float = 1e-7
    own_minimum: bool = False
    at_equal: Literal["steps", "evaluations"] = "steps"

    def __post_init__(self) -> None:
        check_positive(self, floor=self.floor)

    def check(self, optimizer: object) -> None:
        """Refuse an optimiser without a skeleton."""
        check_skeleton("loss is LogRatioToSkeleton", optimizer, "MeanValue")

    @torch.no_grad()
    def yardstick(
        self, objective: Objective, x0: Tensor, start: Tensor, steps: int, optimizer: Any
    ) -> Yardstick:
        """The way of the skeleton, and the least value that was found."""
        skeleton = unroll(optimizer.skeleton(), objective, x0, 2 * steps)
        found = skeleton.values
        if self.own_minimum:
            own = unroll(optimizer, objective, x0, 2 * steps).values
            found = torch.cat([found, own.nan_to_num(nan=torch.inf)])
        least, begun = found.min(dim=0).values, skeleton.values[0]
        theirs = log_suboptimality(skeleton.values, least, begun, self.floor)
        bought = skeleton.evaluations.T.contiguous()

        def ratio_to_it(values: Tensor, evaluations: Tensor, first: int) -> Tensor:
            ours = log_suboptimality(values, least, begun, self.floor)
            reached = theirs[first : first + len(values)]
            if self.at_equal == "evaluations":
                place = torch.searchsorted(bought, evaluations.T.contiguous(), right=True).T - 1
                reached = theirs.gather(0, place)
            ratio = ours - reached
            return torch.where(ratio > _LIMIT, _LIMIT + torch.log1p(ratio - _LIMIT), ratio)

        return ratio_to_it

    def measure(
        self, path: Trajectory, objective: Objective, optimizer: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over problems whose ratio is finite."""
        by_problem = self._terms(path, objective, optimizer).mean(dim=0)
        sound = by_problem.isfinite()
        loss = torch.where(sound, by_problem, torch.zeros_like(by_problem)).mean()
        cost = path.evaluations[-1].double().mean() / (len(path.values) + 1)
        return loss, {"evaluations_a_step": cost.float()}


def _minimum(loss: MetaLoss, objective: Objective) -> Tensor:
    if not isinstance(objective, HasMinimum):
        raise UserError(
            f"loss is {type(loss).__name__}; {type(objective).__name__} does not know its "
            "minimum: take MeanValue"
        )
    return objective.minimum()


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
