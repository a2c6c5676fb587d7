"""Optimisers that must know whom they fit before they can step."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from lsr1_pl.optim import BatchedOptimizer, InMetric, Metric


class PeopleOptimizer(ABC):
    """Makes the batched optimiser of the people that are observed."""

    @abstractmethod
    def observing(self, keypoints: Tensor, metric: Metric) -> BatchedOptimizer:
        """The optimiser of B people.

        Args:
            keypoints: normalised, (B, 18, 2).
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

    def observing(self, keypoints: Tensor, metric: Metric) -> BatchedOptimizer:
        """The optimiser in the metric."""
        return InMetric(self.optimizer, metric)
