"""The method of Levenberg and Marquardt on batches of nonlinear least squares problems."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import full_precision
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.bounds import Box
from lsr1_pl.optim.conjugate_gradients import conjugate_gradients
from lsr1_pl.optim.protocol import (
    BatchedOptimizer,
    OptimizerState,
    select_problems,
    select_rows,
)

_FIRST = 1e-3
"""The first damping, relative to the curvature of each variable."""
_SUFFICIENT = 1e-4
_MOST_TRIALS = 16
_MOST_DENSE = 300
"""So many variables have a dense ``J^T J``; more are solved by products."""
_MOST_PRODUCTS = 100
_FORCING = 1e-2
"""How exactly conjugate gradients solve for a step, relative to the gradient."""


class Linear(Protocol):
    """The Jacobians J (B, M, N) of the residuals of B problems at a point."""

    def dense(self) -> Tensor:
        """J."""
        ...

    def product(self, v: Tensor) -> Tensor:
        """``J^T J v`` (B, N)."""
        ...


class Squares(Objective, Protocol):
    """An objective that is half a sum of squared residuals."""

    def linear(self, x: Tensor) -> Linear:
        """The residuals' derivatives at ``x`` (B, N)."""
        ...


@dataclass(frozen=True)
class _Damped(OptimizerState):
    damping: Tensor
    """(B,) relative to ``scale``."""
    scale: Tensor
    """(B, N) the largest diagonal of ``J^T J`` so far (Moré, 1978)."""


class LevenbergMarquardt(BatchedOptimizer):
    """``(J^T J + mu D) p = -J^T r``, with mu by the ratio of fall to promise (Nielsen, 1999).

    The value never rises. D is the largest diagonal of ``J^T J`` so far, so that the unit of a
    variable does not matter. Beyond 300 variables ``J^T J`` is not formed: conjugate gradients
    solve for p, each product counting as an evaluation, with D a multiple of the identity.

    Args:
        box: bounds, if any: variables that the gradient holds at one are fixed for a step, and
            every trial is moved to the nearest point within (Kanzow, Yamashita and Fukushima,
            2004).
    """

    scaled = True

    def __init__(self, box: Box | None = None) -> None:
        self.box = box

    def within(self, box: Box) -> LevenbergMarquardt:
        """The same within bounds."""
        return LevenbergMarquardt(box)

    def init(self, x: Tensor, evaluation: Evaluation) -> _Damped:
        """State at ``x`` (B, N)."""
        one = torch.ones_like(evaluation.value)
        return _Damped(
            iterate=x,
            evaluation=evaluation,
            direction=evaluation.gradient,
            secant_residual=None,
            evaluations=torch.zeros_like(one, dtype=torch.long),
            guarded=torch.zeros_like(one, dtype=torch.bool),
            damping=_FIRST * one,
            scale=torch.zeros_like(x),
        )

    def step(self, state: Any, objective: Objective) -> _Damped:
        """The first damped step that lowers the value enough; none, if none of 16 does.

        Raises:
            UserError: ``objective`` is no sum of squares.
        """
        if not hasattr(objective, "linear"):
            raise UserError("LevenbergMarquardt needs residuals: call lsr1_pl.least_squares")
        squares: Any = objective
        with full_precision(state.iterate), torch.no_grad():
            return self._step(state, squares)

    def _step(self, state: _Damped, objective: Squares) -> _Damped:
        linear: Linear = objective.linear(state.iterate)
        value, gradient = state.evaluation
        free = torch.ones_like(gradient, dtype=torch.bool)
        if self.box is not None:
            free = self.box.free(state.iterate, gradient)
        downhill = torch.where(free, -gradient, 0)
        model = (
            _Dense(linear, free, downhill) if dense(gradient) else _Products(linear, free, downhill)
        )
        scale = torch.maximum(state.scale, model.curvature)
        # A variable that no residual depends on has no step, and must not make a pivot of zero.
        scale = torch.where(
            scale > 0, scale, scale.amax(dim=1, keepdim=True).clamp_min(_tiny(scale))
        )
        damping, growth = state.damping, 2.0
        rounding = torch.finfo(value.dtype).eps * value
        pending = (downhill != 0).any(dim=1)
        count = pending.long()
        after = replace(state, scale=scale)
        for number in range(_MOST_TRIALS):
            p, products = model.step(damping.unsqueeze(1) * scale)
            x = state.iterate + select_rows(pending, p, torch.zeros_like(p))
            x = x if self.box is None else self.box.inside(x)
            s = x - state.iterate
            promise = -(s * (gradient + 0.5 * model.image(s))).sum(dim=1)
            trial = objective.evaluate(x)
            count = count + pending * (1 + products)
            fall = value - trial.value
            finite = trial.value.isfinite() & trial.gradient.isfinite().all(dim=1)
            taken = pending & finite & (fall > 0) & (fall >= _SUFFICIENT * promise)
            if number == 0:
                after = replace(after, direction=-p)
            after = select_problems(taken, replace(after, iterate=x, evaluation=trial), after)
            eased = (1 - (2 * fall / promise - 1).pow(3)).clamp(0.1, 2)
            changed = torch.where(taken, damping * eased, damping * growth)
            damping, growth = torch.where(pending, changed, damping), 2 * growth
            # What promises less than the value's rounding cannot be seen to fall.
            pending = pending & ~taken & (promise > rounding)
            if not bool(pending.any()):
                break
        # A damping of zero would never grow again.
        damping = damping.clamp(torch.finfo(damping.dtype).eps ** 2, 1 / _tiny(damping))
        return replace(after, damping=damping, evaluations=count)


def dense(x: Tensor) -> bool:
    """Whether ``J^T J`` is formed for problems like ``x`` (B, N)."""
    return x.shape[1] <= _MOST_DENSE


class _Dense:
    """``J^T J`` of the free variables, as a matrix."""

    def __init__(self, linear: Linear, free: Tensor, downhill: Tensor) -> None:
        jacobian = linear.dense()
        self._whole = jacobian.mT @ jacobian
        self._free, self._downhill = free, downhill
        self.curvature = self._whole.diagonal(dim1=1, dim2=2)
        """(B, N) the diagonal."""

    def image(self, v: Tensor) -> Tensor:
        """``J^T J v`` (B, N)."""
        return torch.bmm(self._whole, v.unsqueeze(2)).squeeze(2)

    def step(self, damping: Tensor) -> tuple[Tensor, int]:
        """The step (B, N) for the damping of each variable, and how many products it took."""
        diagonal = torch.where(self._free, self.curvature + damping, 1)
        # Scaled to a diagonal of ones, so that no variable's unit spoils the pivots.
        root = diagonal.rsqrt()
        across = torch.where(self._free, root, 0)
        matrix = self._whole * across.unsqueeze(1) * across.unsqueeze(2)
        matrix.diagonal(dim1=1, dim2=2).fill_(1)
        factor, failed = torch.linalg.cholesky_ex(matrix)
        right = (root * self._downhill).unsqueeze(2)
        step = root * torch.cholesky_solve(right, factor).squeeze(2)
        return select_rows(
            (failed == 0) & step.isfinite().all(dim=1), step, torch.zeros_like(step)
        ), 0


class _Products:
    """``J^T J`` of the free variables, by its products."""

    def __init__(self, linear: Linear, free: Tensor, downhill: Tensor) -> None:
        self.image = linear.product
        self._free, self._downhill = free, downhill
        square = downhill.square().sum(dim=1)
        along = (downhill * self.image(downhill)).sum(dim=1) / torch.where(square > 0, square, 1)
        self.curvature = along.unsqueeze(1).expand_as(downhill)
        """(B, N) the curvature along the gradient, for each variable."""

    def step(self, damping: Tensor) -> tuple[Tensor, int]:
        """The step (B, N) for the damping of each variable, and how many products it took."""

        def damped(v: Tensor) -> Tensor:
            return torch.where(self._free, self.image(v) + damping * v, 0)

        solved = conjugate_gradients(damped, self._downhill, _FORCING, _MOST_PRODUCTS)
        return solved.x, solved.products


def _tiny(x: Tensor) -> float:
    return torch.finfo(x.dtype).tiny
