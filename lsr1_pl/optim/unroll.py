"""K differentiable steps of any optimiser on any objective."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_precision
from lsr1_pl.optim.classical.gauss_newton_matrix import GaussNewtonMatrix, gauss_newton_of
from lsr1_pl.optim.penalty import SecantPenalty
from lsr1_pl.optim.protocol import (
    BatchedOptimizer,
    OptimizerState,
    advance,
    at_constant_points,
    detached,
    select_rows,
)

_MEASURED = SecantPenalty()


@dataclass(frozen=True)
class Trajectory:
    """What happened in K steps on B problems of N variables."""

    iterates: Tensor
    """(K + 1, B, N), the start first."""
    values: Tensor
    """(K + 1, B) objective values at the iterates."""
    directions: Tensor
    """(K, B, N): the preconditioned gradient ``d_k``; step k goes along ``-d_k``."""
    secant_residuals: Tensor | None
    """(K, B) residuals of the secant penalty; None where the optimiser has no B."""
    evaluations: Tensor
    """(K + 1, B) int: gradients and Hessian-vector products so far; 1 at the start."""
    guarded: Tensor | None = None
    """(K, B) bool: the steps that a safeguard changed, or that ``divergence_limit`` held; None
    without either."""


def unroll(
    optimizer: BatchedOptimizer,
    objective: Objective,
    x0: Tensor,
    steps: int,
    *,
    second_order: bool = True,
    clip_sample_gradient: float | None = None,
    divergence_limit: float | None = None,
    truncate_every: int | None = None,
    detach_iterates: bool = False,
    penalty: SecantPenalty = _MEASURED,
) -> Trajectory:
    """Run ``steps`` iterations from ``x0`` (B, N).

    The meta-gradient of a problem does not depend on its neighbours (in eval mode). Through a line
    search it takes the first trial where that was accepted; a length that was searched for, and the
    direction of a guarded step, are constants to it.

    Args:
        second_order: whether the meta-gradient flows through the inner gradient too. Without it
            the inner gradient is a constant (first-order approximation, as LGD trains).
        clip_sample_gradient: if given, the meta-gradient that arrives at an iterate is cleared of
            NaN and clipped, problem by problem, to this norm divided by B.
        divergence_limit: if given, a problem stays where it is once its value exceeds
            ``f_0 + divergence_limit * (1 + |f_0|)``: in training it would otherwise overflow
            and, through BatchNorm, disturb its neighbours. Its trajectory repeats that point.
        truncate_every: if given, the meta-gradient is cut after every so many steps (truncated
            backpropagation): a step's loss then reaches that far back at most, and a long unroll
            neither explodes nor holds its whole graph in one chain.
        detach_iterates: whether each point, once a step has reached it, is a constant to the steps
            that follow; the vectors of B are not. What a state costs then teaches the step that
            led to it, as LGD and the authors' published code train.
        penalty: what ``secant_residuals`` records of a learned B.

    Raises:
        UserError: if ``x0`` is not (B, N), ``steps`` is negative, ``truncate_every`` below 1, or
            the objective is of a wider precision than ``x0``.
    """
    if steps < 0:
        raise UserError(f"steps is {steps}; it must be 0 or more")
    if truncate_every is not None and truncate_every < 1:
        raise UserError(f"truncate_every is {truncate_every}; it must be at least 1")
    if not second_order:
        objective = _FirstOrder(objective)
    state = begun(optimizer, objective, x0)
    limit = None
    if divergence_limit is not None:
        limit = highest_value(state.evaluation.value.detach(), divergence_limit)
    iterates, values = [state.iterate], [state.evaluation.value]
    directions: list[Tensor] = []
    residuals: list[Tensor] = []
    guarded: list[Tensor] = []
    one = torch.ones(x0.shape[0], dtype=torch.long, device=x0.device)
    evaluations = [one]
    for number in range(steps):
        if truncate_every is not None and number and number % truncate_every == 0:
            state = detached(state)
        sound = None if limit is None else state.evaluation.value <= limit
        following = advance(optimizer, state, objective, sound)
        residual = penalty.residual(state, following)
        guard = following.guarded
        if sound is not None:
            guard = ~sound if guard is None else guard | ~sound
            if residual is not None:
                before = residuals[-1] if residuals else torch.zeros_like(residual)
                residual = select_rows(sound, residual, before)
        state = following
        if guard is not None:
            guarded.append(guard)
        if clip_sample_gradient is not None and state.iterate.requires_grad:
            _clip_on_the_way_back(state.iterate, clip_sample_gradient)
        iterates.append(state.iterate)
        values.append(state.evaluation.value)
        directions.append(state.direction)
        evaluations.append(
            evaluations[-1] + (one if state.evaluations is None else state.evaluations)
        )
        if residual is not None:
            residuals.append(residual)
        if detach_iterates:
            state = at_constant_points(state)
    # Of no steps: as many residuals as there are steps, where the optimiser has any.
    empty = x0.new_empty((0, x0.shape[0])) if penalty.measures(state) else None
    return Trajectory(
        iterates=torch.stack(iterates),
        values=torch.stack(values),
        directions=torch.stack(directions) if directions else x0.new_empty((0, *x0.shape)),
        secant_residuals=torch.stack(residuals) if residuals else empty,
        evaluations=torch.stack(evaluations),
        guarded=torch.stack(guarded) if guarded else None,
    )


def begun(optimizer: BatchedOptimizer, objective: Objective, x0: Tensor) -> OptimizerState:
    """The state before the first step from ``x0`` (B, N).

    Raises:
        UserError: ``x0`` is not (B, N), or the objective is of a wider precision.
    """
    if x0.ndim != 2:
        raise UserError(f"x0 has shape {tuple(x0.shape)}; expected (problems, variables)")
    evaluation = objective.evaluate(x0)
    check_precision(x0, evaluation.value)
    state: OptimizerState = optimizer.init(x0, evaluation)
    return state


def highest_value(start: Tensor, divergence_limit: float) -> Tensor:
    """(B,) the value beyond which a problem that began at f = ``start`` (B,) is held."""
    return start + divergence_limit * (1 + start.abs())


class _FirstOrder:
    """An objective whose gradients are constants to the meta-gradient."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def value(self, x: Tensor) -> Tensor:
        return self._objective.value(x)

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        return self._objective.evaluate(x, second_order=False)

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        return self._objective.hessian_vector_product(x, v)

    def gauss_newton(self, x: Tensor) -> GaussNewtonMatrix:
        return gauss_newton_of(self._objective)(x)


def _clip_on_the_way_back(iterate: Tensor, limit: float) -> None:
    bound = limit / iterate.shape[0]

    def clip(gradient: Tensor) -> Tensor:
        finite = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
        norm = finite.norm(dim=1, keepdim=True)
        return finite * (bound / norm.clamp_min(bound))

    iterate.register_hook(clip)
