"""The one protocol that every optimiser speaks, learned or classical."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.curvature import LowRankCurvature


@dataclass(frozen=True)
class OptimizerState:
    """Where an optimiser stands on B independent problems of N variables."""

    iterate: Tensor
    """(B, N) current points."""
    evaluation: Evaluation
    """The objective at ``iterate``."""
    direction: Tensor
    """(B, N) ``d_k = B_k g_{k-1}``: the last step went along ``-d_k``. Before the first step, g."""
    secant_residual: Tensor | None
    """(B,) squared norm of ``p - B q`` at the last step, of methods that make B of that pair; None
    of others."""
    evaluations: Tensor | None = field(default=None, kw_only=True)
    """(B,) int: gradients that the last step took, a Hessian-vector product counting as one; None
    where every step takes exactly one."""
    guarded: Tensor | None = field(default=None, kw_only=True)
    """(B,) bool: whether a safeguard changed the last step; None, before the first step too, for
    optimisers without one."""
    leap: bool = field(default=False, kw_only=True)
    """Whether the last step tried another start: what it found does not tell how near a minimum
    is."""


@dataclass(frozen=True)
class SecantState(OptimizerState):
    """The state of a method whose B is learned: what a secant penalty is measured by."""

    previous_step: Tensor
    """(B, N) p, the last step; before the first one, x0 (line 1 of Algorithm 1)."""
    gradient_change: Tensor
    """(B, N) q, the last change of the gradient; before the first step, g0."""
    curvature: LowRankCurvature
    """B_k, the preconditioner of the last step."""
    steps_taken: int


@dataclass(frozen=True)
class BlocksState(OptimizerState):
    """The state of several optimisers that each step a block of the variables."""

    blocks: tuple[OptimizerState, ...]
    """Where each block's optimiser stands, on the block's part of the points and gradients."""
    penalised: tuple[int, ...]
    """The blocks whose secant residuals add up, each as often as it is named."""


class BatchedOptimizer(ABC):
    """A batched step. A problem's iterates never depend on its neighbours (in eval mode)."""

    scaled: bool = False
    """Whether its first direction is as long as the way to a minimum, by a measured curvature."""
    guards_itself: bool = False
    """Whether no step of it raises the value, so that it needs no safeguard."""

    @abstractmethod
    def init(self, x: Tensor, evaluation: Evaluation) -> Any:
        """State at the start points ``x`` (B, N), where the objective is ``evaluation``."""

    @abstractmethod
    def step(self, state: Any, objective: Objective) -> Any:
        """One iteration: a new state, of the same type; ``state`` is left as it is."""

    def moved(self, before: Any, after: Any, iterate: Tensor, evaluation: Evaluation) -> Any:
        """``after``, had its step from ``before`` ended at ``iterate``, where f is ``evaluation``.

        For whoever shortens steps. Optimisers that keep more of a step than where it ended
        override it.
        """
        return replace(after, iterate=iterate, evaluation=evaluation)

    def reevaluated(self, state: Any, evaluation: Evaluation) -> Any:
        """``state``, had f been ``evaluation`` where it stands: for a loss that has changed."""
        return replace(state, evaluation=evaluation)

    def knowing(self, features: Tensor | None) -> BatchedOptimizer:
        """The optimiser of the problems that have these features (B, F); most read none."""
        return self

    def inverse(self, x: Tensor, objective: Objective) -> tuple[Tensor, int] | None:
        """The matrices M (B, N, N) of its steps ``-M g`` at x (B, N), and the gradients they take.

        None where M does not follow from x alone, or is never formed: so it is of most.
        """
        return None

    def alone(self) -> BatchedOptimizer:
        """The optimiser where nobody adds to its steps; most step as they do beside a network.

        One whose step is shortened so that a network goes the rest overrides it.
        """
        return self

    def at_rate(self, factor: float) -> BatchedOptimizer:
        """The same optimiser (shared, not copied), with steps, or their first trials, times this.

        Raises:
            UserError: its steps have no factor.
        """
        rate = getattr(self, "learning_rate", None)
        if rate is None:
            raise UserError(f"the steps of {type(self).__name__} have no factor: lr must stay 1")
        other: Any = copy.copy(self)
        other.learning_rate = factor * rate
        return other


State = TypeVar("State")


def innermost(state: Any) -> Any:
    """The state of the optimiser itself, within those of the guards and metrics around it."""
    while isinstance(within := getattr(state, "inner", None), OptimizerState):
        state = within
    return state


def select_problems(mask: Tensor, chosen: State, other: State) -> State:
    """A state that takes the problems in ``mask`` (B,) from ``chosen``, the rest from ``other``.

    Both are states of one optimiser (dataclasses or tuples of tensors with B first); what is not
    a tensor, such as a count of steps, comes from ``chosen``.
    """

    if alike(mask):
        return chosen
    merged: State = map_tensors(partial(select_rows, mask), chosen, other)
    return merged


def advance(
    optimizer: BatchedOptimizer, state: State, objective: Objective, going: Tensor | None = None
) -> State:
    """The state after one more step of the problems in ``going`` (B,) bool; the others stay.

    All go where ``going`` is None. Every loop over steps takes its steps here.
    """
    following: State = optimizer.step(state, objective)
    return following if going is None else select_problems(going, following, state)


def alike(mask: Tensor) -> bool | None:
    """What ``mask`` (B,) bool says, if it says the same of all problems; None if that is unknown.

    On the host the question is cheap, and nearly always answered alike for the whole batch, so that
    what half of it needs can be left out. On a GPU the answer would wait for the device.
    """
    if mask.device.type != "cpu":
        return None
    if mask.numel() == 1:
        return bool(mask)
    return True if bool(mask.all()) else None if bool(mask.any()) else False


def all_finite(rows: Tensor) -> Tensor:
    """(B,) bool: whether every number of a row of (B, N) is finite.

    The largest magnitude tells it, NaN included, in two passes over memory; ``isfinite`` and
    ``all`` take five.
    """
    if not rows.shape[1]:
        return torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    return rows.detach().abs().amax(dim=1) < torch.inf


def select_rows(mask: Tensor, chosen: Tensor, other: Tensor) -> Tensor:
    """The problems in ``mask`` (B,) from ``chosen``, the rest from ``other``: both (B, ...)."""
    if (whole := alike(mask)) is not None:
        return chosen if whole else other
    return torch.where(mask.view(-1, *[1] * (chosen.ndim - 1)), chosen, other)


def detached(state: State) -> State:
    """The same state, as a constant to the meta-gradient."""
    cut: State = map_tensors(Tensor.detach, state)
    return cut


_OF_POINTS = ("iterate", "evaluation", "previous_step", "gradient_change", "origin")


def at_constant_points(state: State) -> State:
    """The same state, its points and gradients constants to the meta-gradient; B stays attached.

    The steps that follow then teach the vectors of B, and not how the points were reached.
    """
    if not isinstance(state, OptimizerState):
        return state
    changed: dict[str, Any] = {}
    for each in fields(state):
        value = getattr(state, each.name)
        if each.name in _OF_POINTS:
            changed[each.name] = map_tensors(Tensor.detach, value)
        elif isinstance(value, OptimizerState):
            changed[each.name] = at_constant_points(value)
        elif isinstance(state, BlocksState) and each.name == "blocks":
            changed[each.name] = tuple(at_constant_points(block) for block in value)
    cut: State = replace(state, **changed)  # type: ignore[type-var]
    return cut


def map_tensors(function: Callable[..., Tensor], *states: Any) -> Any:
    """A state of ``function`` of the tensors of ``states``; what is no tensor is the first's."""
    first = states[0]
    if isinstance(first, Tensor):
        return function(*states)
    if is_dataclass(first) and not isinstance(first, type):
        names = [each.name for each in fields(first)]
        return type(first)(
            **{n: map_tensors(function, *(getattr(state, n) for state in states)) for n in names}
        )
    if isinstance(first, tuple):
        parts = (map_tensors(function, *part) for part in zip(*states, strict=True))
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    return first
