"""An optimiser that knows a family of problems: where to begin, and in which coordinates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts
from lsr1_pl.optim.family.metrics import FamilyMetric
from lsr1_pl.optim.family.starts import FamilyStart
from lsr1_pl.optim.metric import InMetric, Metric
from lsr1_pl.optim.minimize import guarded
from lsr1_pl.optim.pairs import PairLSR1
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState, select_rows


@dataclass(frozen=True)
class FamilyState(OptimizerState):
    """The state of the optimiser within, and whether the learned start was tried yet."""

    inner: Any
    begun: bool


class FamilyOptimizer(nn.Module, BatchedOptimizer):
    """Any optimiser with what was learned of a family: a start, and a metric.

    Its first step leaps to the learned start, and stays there where the value is lower than at
    the usual one: one evaluation. Every further step is one of ``optimizer`` in the metric, such
    that no value rises. So it never ends above the usual start, whatever was learned.

    Problems with features must be told apart before they are solved, by :meth:`knowing`.

    Args:
        variables: N of the family's problems, at least 1.
        features: F, how many numbers tell a problem apart; 0 if none do.
        start: where problems are begun; None leaves the usual start.
        metric: the coordinates; None leaves x's own.
        optimizer: what takes the steps; :class:`lsr1_pl.optim.PairLSR1` if None.

    Raises:
        UserError: a number is out of its range, or a part cannot serve so many variables.
    """

    guards_itself = True

    def __init__(
        self,
        variables: int,
        features: int = 0,
        start: FamilyStart | None = None,
        metric: FamilyMetric | None = None,
        optimizer: BatchedOptimizer | None = None,
    ) -> None:
        super().__init__()
        check_counts(self, variables=variables)
        if features < 0:
            raise UserError(f"FamilyOptimizer features is {features}; it must be 0 or more")
        self.variables = variables
        self.features = features
        self.start = None if start is None else start.module(variables, features)
        self.metric = None if metric is None else metric.module(variables, features)
        self.optimizer = PairLSR1() if optimizer is None else optimizer

    @property
    def scaled(self) -> bool:  # type: ignore[override]
        """As the optimiser within has it."""
        return self.optimizer.scaled

    def knowing(self, features: Tensor | None) -> BatchedOptimizer:
        """The optimiser of the problems with these features (B, F); None where F is 0.

        What was learned of start and metric is a constant to the meta-gradient.

        Raises:
            UserError: the features are missing, of another F, or not finite.
        """
        return FamilyAtWork(self, self._checked(features))

    def skeleton(self) -> BatchedOptimizer:
        """The optimiser within, without what was learned of start, metric, or steps."""
        plain = getattr(self.optimizer, "skeleton", None)
        return guarded(self.optimizer if plain is None else plain())

    def init(self, x: Tensor, evaluation: Evaluation) -> FamilyState:
        """State at the usual starts (B, N) of problems without features.

        Raises:
            UserError: the family has features.
        """
        return self._without_features().init(x, evaluation)

    def step(self, state: FamilyState, objective: Objective) -> FamilyState:
        """One step of problems without features."""
        return self._without_features().step(state, objective)

    def moved(
        self, before: FamilyState, after: FamilyState, iterate: Tensor, evaluation: Evaluation
    ) -> FamilyState:
        """As the optimiser within has it."""
        working = self._without_features()
        return working.moved(before, after, iterate, evaluation)

    def _without_features(self) -> FamilyAtWork:
        return FamilyAtWork(self, self._checked(None))

    def _checked(self, features: Tensor | None) -> Tensor | None:
        """The features, (B, F)."""
        if features is None:
            if not self.features:
                return None
            raise UserError(
                f"this optimiser knows a family by {self.features} features a problem, and got "
                f"none; give features (B, {self.features}), as minimize(..., features=...) or "
                "optimizer.knowing(features)"
            )
        if features.ndim != 2 or features.shape[1] != self.features:
            raise UserError(
                f"features are shaped {tuple(features.shape)}; this optimiser was made for "
                f"(B, {self.features})"
            )
        if not bool(features.isfinite().all()):
            raise UserError("features must be finite; some are not")
        return features


class FamilyAtWork(BatchedOptimizer):
    """A family's optimiser at work on B problems whose features it knows."""

    guards_itself = True

    def __init__(self, family: FamilyOptimizer, features: Tensor | None) -> None:
        self._family = family
        self._features = features
        self._metric: tuple[Tensor, Metric] | None = None
        self.scaled = family.scaled

    def init(self, x: Tensor, evaluation: Evaluation) -> FamilyState:
        variables = self._family.variables
        if x.shape[1] != variables:
            raise UserError(
                f"this optimiser was made for problems of {variables} variables; x0 has "
                f"{x.shape[1]}"
            )
        if self._features is not None and len(self._features) not in (1, len(x)):
            raise UserError(
                f"x0 has {len(x)} problems and features {len(self._features)}; give one row each"
            )
        begun = self._family.start is None
        inner = self._taking(x).init(x, evaluation)
        return self._state(inner, begun)

    def step(self, state: FamilyState, objective: Objective) -> FamilyState:
        if state.begun:
            taking = self._taking(_origin(state))
            return self._state(taking.step(state.inner, objective), True)
        x, before = state.iterate, state.evaluation
        start = self._family.start
        assert start is not None
        with torch.no_grad():
            leapt = start(x, self._rows(x))
        there = objective.evaluate(leapt)
        finite = there.value.isfinite() & there.gradient.isfinite().all(dim=1)
        lower = finite & leapt.isfinite().all(dim=1) & (there.value < before.value)
        iterate = select_rows(lower, leapt, x)
        evaluation = Evaluation(
            select_rows(lower, there.value, before.value),
            select_rows(lower, there.gradient, before.gradient),
        )
        after = self._state(self._taking(iterate).init(iterate, evaluation), True)
        one = torch.ones_like(lower, dtype=torch.long)
        return replace(after, direction=x - iterate, evaluations=one, leap=True)

    def moved(
        self, before: FamilyState, after: FamilyState, iterate: Tensor, evaluation: Evaluation
    ) -> FamilyState:
        taking = self._taking(_origin(before) if before.begun else iterate)
        if before.begun:
            inner = taking.moved(before.inner, after.inner, iterate, evaluation)
        else:
            inner = taking.init(iterate, evaluation)
        return replace(self._state(inner, True), evaluations=after.evaluations, leap=after.leap)

    def skeleton(self) -> BatchedOptimizer:
        return self._family.skeleton()

    def _rows(self, x: Tensor) -> Tensor:
        if self._features is None:
            return x.new_zeros(len(x), 0)
        return self._features.to(x).expand(len(x), -1)

    def _taking(self, origin: Tensor) -> BatchedOptimizer:
        """What takes the steps, in the metric of problems that are begun at ``origin`` (B, N)."""
        inner = guarded(self._family.optimizer.knowing(self._features))
        metric = self._family.metric
        if metric is None:
            return inner
        # A state says where its problems were begun, and so in which metric; it is asked for once.
        known = self._metric
        if known is None or not torch.equal(known[0], origin):
            with torch.no_grad():
                known = origin, metric(self._rows(origin), origin)
            self._metric = known
        return InMetric(inner, known[1])

    def _state(self, inner: Any, begun: bool) -> FamilyState:
        return FamilyState(
            iterate=inner.iterate,
            evaluation=inner.evaluation,
            direction=inner.direction,
            secant_residual=inner.secant_residual,
            evaluations=inner.evaluations,
            guarded=inner.guarded,
            inner=inner,
            begun=begun,
        )


def _origin(state: FamilyState) -> Tensor:
    """(B, N) where y = 0 is; of no meaning without a metric."""
    origin: Tensor = getattr(state.inner, "origin", state.iterate)
    return origin
