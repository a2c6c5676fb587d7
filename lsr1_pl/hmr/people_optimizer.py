"""Optimisers that must know whom they fit, and methods that fit people as a whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.optim import BatchedOptimizer, InMetric, Metric


class PeopleOptimizer(ABC):
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


@dataclass(frozen=True)
class FittedStates:
    """The states that a method went through with B people of N variables."""

    iterates: Tensor
    """(S + 1, B, N), the start first."""
    evaluations: list[int]
    """The gradients that were taken until each of these S + 1 states."""


class WholeFit(ABC):
    """A method that fits people from start to end, by an energy and in stages of its own."""

    @abstractmethod
    def fit_whole(self, observation: Observation, x0: Tensor) -> FittedStates:
        """Fit B observed people from ``x0`` (B, N)."""
