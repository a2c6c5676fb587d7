"""The optimisers that take what a network proposes: as a step, or as a vector of L-SR1."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.people_optimizer import InErrorMetric, PeopleOptimizer
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.hmr.proposing.dense import DenseNetwork
from lsr1_pl.hmr.proposing.situation import ProposingNetwork, Viewer
from lsr1_pl.optim import (
    Adam,
    AimedLSR1,
    BatchedOptimizer,
    InMetric,
    Metric,
    OptimizerState,
    Propose,
    Standing,
)
from lsr1_pl.optim.checks import check_counts, check_fraction
from lsr1_pl.optim.metric import MetricState, ObjectiveInMetric
from lsr1_pl.optim.protocol import detached

Base = Callable[[OptimizerState], Tensor]
"""B0 (B, N, N) at a state."""


class ProposingOptimizer(nn.Module, PeopleOptimizer):
    """A network corrects the steps of a guide, in the metric of the initial estimate's error.

    The sum is proposed. Where the network is silent, the guide's step is.

    Args:
        network: what corrects; None is :class:`DenseNetwork` as it comes.
        guide: an optimiser that takes one gradient a step, without line search, or one that knows
            the inverse matrix of its step, as Gauss-Newton does; None is Adam at the rate 0.1 with
            beta1 0.5.
    """

    def __init__(
        self, network: ProposingNetwork | None = None, guide: BatchedOptimizer | None = None
    ) -> None:
        super().__init__()
        self.network = DenseNetwork() if network is None else network
        self.guide = Adam(0.1, beta1=0.5) if guide is None else guide

    @abstractmethod
    def taking(self, propose: Propose, base: Base | None = None) -> BatchedOptimizer:
        """The optimiser in the metric that takes the proposals.

        Args:
            propose: says a step.
            base: where the guide's steps are a matrix times the gradient, that matrix (B, N, N).
        """

    def observing(
        self, observation: Observation, body: ProjectedBody, metric: Metric
    ) -> BatchedOptimizer:
        """The optimiser of these people."""
        return _Proposing(self, Viewer(observation, body), metric)

    def on_other_body(self) -> InErrorMetric:
        """The guide alone: the network that corrects it knows what its own body's betas do."""
        return InErrorMetric(self.guide.alone())


class ProposedSteps(ProposingOptimizer):
    """Each step is what is proposed: LGD's idea, in the metric, and with a guide.

    Args:
        network: see :class:`ProposingOptimizer`.
        guide: see :class:`ProposingOptimizer`.
    """

    def taking(self, propose: Propose, base: Base | None = None) -> BatchedOptimizer:
        """The optimiser whose steps are the proposals."""
        return _Given(propose)


class AimedSteps(ProposingOptimizer):
    """L-SR1 whose newest vector is aimed at what is proposed.

    :class:`lsr1_pl.optim.AimedLSR1` in the metric of the initial estimate's error, where the
    network knows whom it fits. If the guide knows its inverse matrix at a point, as
    :class:`lsr1_pl.optim.GaussNewton` does, that is B0, and the vectors carry what the network
    corrects. Of another guide B0 is zero, and the vectors carry whole steps.

    Args:
        network: see :class:`ProposingOptimizer`.
        guide: see :class:`ProposingOptimizer`.
        buffer_size: L >= 1, how many vectors B keeps.
        least_cosine: in [0, 1); see :class:`lsr1_pl.optim.AimedLSR1`.

    Raises:
        UserError: a number is out of its range.
    """

    def __init__(
        self,
        network: ProposingNetwork | None = None,
        guide: BatchedOptimizer | None = None,
        buffer_size: int = 4,
        least_cosine: float = 0.1,
    ) -> None:
        super().__init__(network, guide)
        check_counts(self, buffer_size=buffer_size)
        check_fraction(self, least_cosine=least_cosine)
        self.buffer_size = buffer_size
        self.least_cosine = least_cosine

    def taking(self, propose: Propose, base: Base | None = None) -> BatchedOptimizer:
        """L-SR1 with vectors that are aimed at the proposals."""
        return AimedLSR1(propose, self.buffer_size, self.least_cosine, base)


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


@dataclass(frozen=True)
class ProposingState(OptimizerState):
    """Where a proposing optimiser stands, and where its guide does."""

    inner: MetricState
    guide: Any
    """The guide's state, in the metric; constant to the meta-gradient."""


class _Proposing(BatchedOptimizer):
    """A proposing optimiser at work on B people."""

    def __init__(self, optimizer: ProposingOptimizer, viewer: Viewer, metric: Metric) -> None:
        self._optimizer = optimizer
        self._guide = optimizer.guide
        self._viewer = viewer
        self._metric = metric

    def init(self, x: Tensor, evaluation: Evaluation) -> ProposingState:
        inner = InMetric(self._optimizer.taking(_no_proposal), self._metric).init(x, evaluation)
        guide = self._guide.init(inner.inner.iterate.detach(), _constant(inner))
        return _joined(inner, guide)

    def step(self, state: ProposingState, objective: Objective) -> ProposingState:
        before = state.guide
        within = ObjectiveInMetric(objective, self._metric, state.inner.origin)
        base, gradients = None, 0
        known = self._guide.inverse(before.iterate, within)
        if known is not None:
            matrix, gradients = known
            after, base = before, lambda _: matrix
            suggested = -torch.bmm(matrix, before.evaluation.gradient.unsqueeze(2)).squeeze(2)
        else:
            after = self._guide.step(before, _Still(before.evaluation))
            suggested = after.iterate - before.iterate

        def propose(standing: Standing) -> Tensor:
            y, gradient = standing.state.iterate, standing.state.evaluation.gradient
            situation = self._viewer.at(state.iterate, y, gradient, suggested, standing.remembered)
            step: Tensor = suggested + self._optimizer.network(situation)
            return step

        taking = InMetric(self._optimizer.taking(propose, base), self._metric)
        inner = taking.step(state.inner, objective)
        if gradients:
            count = torch.full_like(inner.evaluation.value, 1 + gradients, dtype=torch.long)
            inner = replace(inner, evaluations=count)
        return _joined(inner, self._followed(before, after, inner))

    def moved(
        self, before: ProposingState, after: ProposingState, iterate: Tensor, evaluation: Evaluation
    ) -> ProposingState:
        taking = InMetric(self._optimizer.taking(_no_proposal), self._metric)
        inner = taking.moved(before.inner, after.inner, iterate, evaluation)
        return _joined(inner, self._followed(before.guide, after.guide, inner))

    def _followed(self, before: Any, after: Any, inner: MetricState) -> Any:
        """The guide, taken to where the step ended."""
        y = inner.inner.iterate.detach()
        return detached(self._guide.moved(before, after, y, _constant(inner)))


def _joined(inner: MetricState, guide: Any) -> ProposingState:
    return ProposingState(
        inner.iterate,
        inner.evaluation,
        inner.direction,
        inner.secant_residual,
        evaluations=inner.evaluations,
        guarded=inner.guarded,
        inner=inner,
        guide=guide,
    )


def _constant(state: MetricState) -> Evaluation:
    """The objective's value and its gradient by y."""
    value, gradient = state.inner.evaluation
    return Evaluation(value.detach(), gradient.detach())


def _no_proposal(standing: Standing) -> Tensor:
    return torch.zeros_like(standing.remembered)


class _Still:
    """An objective that takes no gradient: it says what is known already."""

    def __init__(self, known: Evaluation) -> None:
        self._known = known

    def value(self, x: Tensor) -> Tensor:
        return self._known.value

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        return self._known

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        raise UserError("a guide of steps must make do with one gradient a step")
