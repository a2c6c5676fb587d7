"""Optimisers that must know whom they fit, and methods that fit people as a whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.optim import BatchedOptimizer, InMetric, Metric


class _OfOneBody:
    """What fits people of the body that it was made for."""

    def on_other_body(self) -> BatchedOptimizer | PeopleOptimizer | WholeFit:
        """What fits people of another body, with as many betas; nothing is trained.

        Pose means the same on every body, and a beta does not. So whatever was trained on betas is
        left out. By default it is refused, since a class that does not say it may know betas.

        Raises:
            UserError: it fits no other body.
        """
        raise UserError(
            f"{type(self).__name__} does not say what of it holds for another body: give the class "
            "a method on_other_body, or fit by an optimiser of steps, such as hmr_open_lifted"
        )


class PeopleOptimizer(_OfOneBody, ABC):
    """Makes the batched optimiser of the people that are observed."""

    @abstractmethod
    def observing(
        self, observation: Observation, body: ProjectedBody, metric: Metric
    ) -> BatchedOptimizer:
        """The optimiser of B people.

        Args:
            observation: of these people.
            body: what is fitted to it.
            metric: of the initial estimate's error, which the task has measured in training.
        """


class InErrorMetric(nn.Module, PeopleOptimizer):
    """An optimiser in coordinates where the initial estimate's error has unit covariance.

    The directions in which the estimate is usually wrong become the cheap ones: a B0 that is the
    prior covariance of x - x0, learned from the training motion. A departure from Eq. 7's B0 = I.

    Args:
        optimizer: what steps in these coordinates.
    """

    def __init__(self, optimizer: BatchedOptimizer) -> None:
        super().__init__()
        self.optimizer = optimizer

    def observing(
        self, observation: Observation, body: ProjectedBody, metric: Metric
    ) -> BatchedOptimizer:
        """The optimiser in the metric."""
        return InMetric(self.optimizer, metric)

    def on_other_body(self) -> InErrorMetric:
        """The same: the metric is given, and an optimiser of steps knows nobody."""
        return self


@dataclass(frozen=True)
class FittedStates:
    """The states that a method went through with B people of N variables."""

    iterates: Tensor
    """(S + 1, B, N), the start first."""
    evaluations: list[int]
    """The gradients that were taken until each of these S + 1 states."""


class WholeFit(_OfOneBody, ABC):
    """A method that fits people from start to end, by an energy and in stages of its own."""

    @abstractmethod
    def fit_whole(self, observation: Observation, x0: Tensor) -> FittedStates:
        """Fit B observed people from ``x0`` (B, N)."""
