"""Any optimiser in other coordinates: a fixed full-matrix preconditioner around its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import full_precision, in_full_precision
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.classical.gauss_newton_matrix import GaussNewtonMatrix, gauss_newton_of
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


@dataclass(frozen=True)
class Metric:
    """Coordinates y of x = x0 + A y, with A symmetric and positive definite.

    A gradient step in y is ``-A A g`` in x: the metric is a B0 = A A, which all problems share or
    each has of its own.
    """

    root: Tensor
    """A: (N, N), or (B, N, N)."""
    inverse: Tensor
    """Of A, in the same shape."""

    @classmethod
    def of_covariance(cls, covariance: Tensor, floor: float = 1e-4) -> Metric:
        """A = the square root of a covariance (N, N) of x - x0, so that y has unit variance.

        Eigenvalues below ``floor`` times the largest are raised to it.

        Raises:
            UserError: the covariance is not square, not finite, or zero.
        """
        if covariance.ndim != 2 or covariance.shape[0] != covariance.shape[1]:
            raise UserError(f"the covariance is shaped {tuple(covariance.shape)}; expected (N, N)")
        if not bool(torch.isfinite(covariance).all()) or not bool((covariance != 0).any()):
            raise UserError("the covariance must be finite and not zero")
        with full_precision(covariance):
            values, vectors = torch.linalg.eigh(0.5 * (covariance + covariance.T))
            roots = values.clamp_min(floor * float(values[-1])).sqrt()
            return cls((vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T)

    @in_full_precision
    def to_x(self, y: Tensor) -> Tensor:
        """(B, N) steps in y -> steps in x."""
        return _times(y, self.root)

    @in_full_precision
    def to_y(self, x: Tensor) -> Tensor:
        """(B, N) steps in x -> steps in y."""
        return _times(x, self.inverse)

    @in_full_precision
    def gradient_in_y(self, gradient: Tensor) -> Tensor:
        """(B, N) gradients in x -> gradients in y."""
        return _times(gradient, self.root)

    @in_full_precision
    def gradient_in_x(self, gradient: Tensor) -> Tensor:
        """(B, N) gradients in y -> gradients in x."""
        return _times(gradient, self.inverse)


class CovarianceMetric:
    """:meth:`Metric.of_covariance`, made again only when the covariance has changed.

    Eigenvectors take milliseconds, and on a GPU the host waits for them.
    """

    def __init__(self, floor: float = 1e-4) -> None:
        self._floor = floor
        self._known: tuple[Tensor, tuple[object, ...], Metric] | None = None

    def __call__(self, covariance: Tensor, like: Tensor) -> Metric:
        """The metric of a covariance (N, N), on the device and in the precision of ``like``.

        Raises:
            UserError: as :meth:`Metric.of_covariance`.
        """
        if covariance.is_inference():  # It does not tell whether it has changed.
            return Metric.of_covariance(covariance.to(like), self._floor)
        known, now = self._known, (covariance._version, like.dtype, like.device)
        if known is None or known[0] is not covariance or known[1] != now:
            # An inference tensor could not be part of a later training step.
            with torch.inference_mode(False), torch.no_grad():
                made = Metric.of_covariance(covariance.to(like), self._floor)
            known = self._known = covariance, now, made
        return known[2]

    def __reduce__(self) -> tuple[type[CovarianceMetric], tuple[float]]:
        # The copy of a tensor counts its changes anew.
        return type(self), (self._floor,)


def _times(rows: Tensor, matrix: Tensor) -> Tensor:
    """(B, N) rows times one symmetric matrix, or each times its own."""
    if matrix.ndim == 2:
        return rows @ matrix
    return torch.bmm(rows.unsqueeze(1), matrix).squeeze(1)


@dataclass(frozen=True)
class MetricState(OptimizerState):
    """Where the inner optimiser stands, and where y = 0 is."""

    inner: Any
    origin: Tensor
    """(B, N) x0."""


class InMetric(BatchedOptimizer):
    """``optimizer`` on y, where x = x0 + A y: it starts at y = 0 and never sees x.

    Args:
        optimizer: what steps.
        metric: the coordinates.
    """

    def __init__(self, optimizer: BatchedOptimizer, metric: Metric) -> None:
        self.optimizer = optimizer
        self.metric = metric

    def init(self, x: Tensor, evaluation: Evaluation) -> MetricState:
        """State at ``x`` (B, N), which is the origin of y."""
        gradient = self.metric.gradient_in_y(evaluation.gradient)
        inner = self.optimizer.init(torch.zeros_like(x), Evaluation(evaluation.value, gradient))
        return self._state(inner, x)

    def step(self, state: MetricState, objective: Objective) -> MetricState:
        """One step of the inner optimiser."""
        within = ObjectiveInMetric(objective, self.metric, state.origin)
        return self._state(self.optimizer.step(state.inner, within), state.origin)

    def moved(
        self, before: MetricState, after: MetricState, iterate: Tensor, evaluation: Evaluation
    ) -> MetricState:
        """As the inner optimiser has it, in y."""
        y = self.metric.to_y(iterate - before.origin)
        gradient = self.metric.gradient_in_y(evaluation.gradient)
        within = Evaluation(evaluation.value, gradient)
        return self._state(
            self.optimizer.moved(before.inner, after.inner, y, within), before.origin
        )

    def reevaluated(self, state: MetricState, evaluation: Evaluation) -> MetricState:
        """As the inner optimiser has it, in y."""
        gradient = self.metric.gradient_in_y(evaluation.gradient)
        within = Evaluation(evaluation.value, gradient)
        return self._state(self.optimizer.reevaluated(state.inner, within), state.origin)

    def at_rate(self, factor: float) -> InMetric:
        """As the inner optimiser has it."""
        return InMetric(self.optimizer.at_rate(factor), self.metric)

    def _state(self, inner: OptimizerState, origin: Tensor) -> MetricState:
        gradient = self.metric.gradient_in_x(inner.evaluation.gradient)
        return MetricState(
            iterate=origin + self.metric.to_x(inner.iterate),
            evaluation=Evaluation(inner.evaluation.value, gradient),
            direction=self.metric.to_x(inner.direction),
            secant_residual=inner.secant_residual,
            evaluations=inner.evaluations,
            guarded=inner.guarded,
            inner=inner,
            origin=origin,
        )


class ObjectiveInMetric:
    """An objective as a function of y, where x = origin + A y.

    Args:
        objective: of x.
        metric: A.
        origin: (B, N), where y is 0.
    """

    def __init__(self, objective: Objective, metric: Metric, origin: Tensor) -> None:
        self._objective = objective
        self._metric = metric
        self._origin = origin

    def value(self, x: Tensor) -> Tensor:
        """The objective's at y ``x`` (B, N)."""
        return self._objective.value(self._origin + self._metric.to_x(x))

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        """Its value, and its gradient by y."""
        point = self._origin + self._metric.to_x(x)
        value, gradient = self._objective.evaluate(point, second_order=second_order)
        return Evaluation(value, self._metric.gradient_in_y(gradient))

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        """Of its Hessian by y."""
        point = self._origin + self._metric.to_x(x)
        product = self._objective.hessian_vector_product(point, self._metric.to_x(v))
        return self._metric.gradient_in_y(product)

    def gauss_newton(self, x: Tensor) -> GaussNewtonMatrix:
        """Its Gauss-Newton matrix by y."""
        point = self._origin + self._metric.to_x(x)
        return gauss_newton_of(self._objective)(point).within(self._metric.root)
