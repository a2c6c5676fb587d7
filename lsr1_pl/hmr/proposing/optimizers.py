"""The optimisers that take what a network proposes: as a step, or as a vector of L-SR1."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial

import torch
from torch import Tensor, nn

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.people_optimizer import PeopleOptimizer
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.hmr.proposing.dense import DenseNetwork
from lsr1_pl.hmr.proposing.situation import ProposingNetwork, Viewer
from lsr1_pl.optim import (
    AimedLSR1,
    BatchedOptimizer,
    InMetric,
    Metric,
    OptimizerState,
    Propose,
    Standing,
)
from lsr1_pl.optim.checks import check_counts, check_fraction
from lsr1_pl.optim.metric import MetricState


class ProposingOptimizer(nn.Module, PeopleOptimizer):
    """A network proposes each step, in the metric of the initial estimate's error.

    Args:
        network: what proposes; None is :class:`DenseNetwork` as it comes.
    """

    def __init__(self, network: ProposingNetwork | None = None) -> None:
        super().__init__()
        self.network = DenseNetwork() if network is None else network

    @abstractmethod
    def taking(self, propose: Propose) -> BatchedOptimizer:
        """The optimiser in the metric that takes the proposals."""

    def observing(
        self, observation: Observation, body: ProjectedBody, metric: Metric
    ) -> BatchedOptimizer:
        """The optimiser of these people."""
        return _Proposing(self, Viewer(observation, body), metric)


class ProposedSteps(ProposingOptimizer):
    """Each step is what the network proposes: LGD's idea, in the metric.

    Args:
        network: what proposes; None is :class:`DenseNetwork` as it comes.
    """

    def taking(self, propose: Propose) -> BatchedOptimizer:
        """The optimiser whose steps are the proposals."""
        return _Given(propose)


class AimedSteps(ProposingOptimizer):
    """L-SR1 whose newest vector is aimed at what the network proposes.

    :class:`lsr1_pl.optim.AimedLSR1` in the metric of the initial estimate's error, where the
    network knows whom it fits.

    Args:
        network: what proposes; None is :class:`DenseNetwork` as it comes.
        buffer_size: L >= 1, how many vectors B keeps.
        least_cosine: in [0, 1); see :class:`lsr1_pl.optim.AimedLSR1`.

    Raises:
        UserError: a number is out of its range.
    """

    def __init__(
        self,
        network: ProposingNetwork | None = None,
        buffer_size: int = 4,
        least_cosine: float = 0.01,
    ) -> None:
        super().__init__(network)
        check_counts(self, buffer_size=buffer_size)
        check_fraction(self, least_cosine=least_cosine)
        self.buffer_size = buffer_size
        self.least_cosine = least_cosine

    def taking(self, propose: Propose) -> BatchedOptimizer:
        """L-SR1 with vectors that are aimed at the proposals."""
        return AimedLSR1(propose, self.buffer_size, self.least_cosine)


class _Given(BatchedOptimizer):
    """Takes proposed steps as they are."""

    def __init__(self, propose: Propose) -> None:
        self._propose = propose

    def init(self, x: Tensor, evaluation: Evaluation) -> OptimizerState:
        return OptimizerState(x, evaluation, evaluation.gradient, None)

    def step(self, state: OptimizerState, objective: Objective) -> OptimizerState:
        step = self._propose(Standing(state, torch.zeros_like(state.iterate)))
        iterate = state.iterate + step
        return OptimizerState(iterate, objective.evaluate(iterate), -step, None)


class _Proposing(BatchedOptimizer):
    """A proposing optimiser at work on B people."""

    def __init__(self, optimizer: ProposingOptimizer, viewer: Viewer, metric: Metric) -> None:
        self._optimizer = optimizer
        self._viewer = viewer
        self._metric = metric

    def init(self, x: Tensor, evaluation: Evaluation) -> MetricState:
        return self._begun_at(x).init(x, evaluation)

    def step(self, state: MetricState, objective: Objective) -> MetricState:
        return self._begun_at(state.origin).step(state, objective)

    def moved(
        self, before: MetricState, after: MetricState, iterate: Tensor, evaluation: Evaluation
    ) -> MetricState:
        return self._begun_at(before.origin).moved(before, after, iterate, evaluation)

    def _begun_at(self, origin: Tensor) -> InMetric:
        taking = self._optimizer.taking(partial(self._propose, origin))
        return InMetric(taking, self._metric)

    def _propose(self, origin: Tensor, standing: Standing) -> Tensor:
        y, gradient = standing.state.iterate, standing.state.evaluation.gradient
        x = origin + self._metric.to_x(y)
        situation = self._viewer.at(x, y, gradient, standing.remembered)
        step: Tensor = self._optimizer.network(situation)
        return step
