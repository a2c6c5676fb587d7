"""The secant penalty of Eqs. 9 and 13: how far a learned B is from what its steps have shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from lsr1_pl.ground.choices import choices_checked
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.curvature import LowRankCurvature
from lsr1_pl.optim.protocol import BlocksState, SecantState, innermost


class Secant(NamedTuple):
    """A pair, and the B that should meet it: ``B q = p``."""

    curvature: LowRankCurvature
    p: Tensor
    """(B, N) a step."""
    q: Tensor
    """(B, N) the change of the gradient along it."""


def _previous(before: SecantState, after: SecantState) -> Secant | None:
    # The first state's p and q are x0 and g0, placeholders that belong to no step.
    if before.steps_taken == 0:
        return None
    return Secant(after.curvature, before.previous_step, before.gradient_change)


def _current(before: SecantState, after: SecantState) -> Secant | None:
    return Secant(after.curvature, after.previous_step, after.gradient_change)


def _older(before: SecantState, after: SecantState) -> Secant | None:
    return Secant(before.curvature, before.previous_step, before.gradient_change)


_PAIRS: dict[str, Callable[[SecantState, SecantState], Secant | None]] = {
    "previous": _previous,
    "current": _current,
    "older": _older,
}


def _sum(residual: Tensor, p: Tensor) -> Tensor:
    return residual.square().sum(dim=1)


def _mean(residual: Tensor, p: Tensor) -> Tensor:
    return residual.square().mean(dim=1)


def _relative(residual: Tensor, p: Tensor) -> Tensor:
    return _sum(residual, p) / p.square().sum(dim=1).clamp_min(torch.finfo(p.dtype).tiny)


_NORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sum": _sum,
    "mean": _mean,
    "relative": _relative,
}


@choices_checked
@dataclass(frozen=True)
class SecantPenalty:
    """``|p - B q|^2`` of a pair (p, q), evaluated at every step of an unroll.

    Args:
        weight: lambda_sec of Eqs. 9 and 13, >= 0; at 0 the residual is measured, not learned from.
        pair: which pair a step pays for. ``previous`` is (p_{k-1}, q_{k-1}), which v_k was made
            from; the first step, which has none, pays nothing. ``current`` is (p_k, q_k) of the
            step itself, as Eq. 9 prints. ``older`` is the previous pair against B as it was before
            v_k, as the authors' published code has it: it teaches the older vectors. There the
            first step pays for the placeholders x_0 and g_0, a constant.
        detached: whether that pair is detached. Attached, a smaller step lowers the penalty.
        norm: the squares of the residual are summed over the variables, or averaged; or the sum
            is divided by |p|^2, so that it knows no scale (``relative``).

    Raises:
        UserError: the weight is negative, or a choice is unknown.
    """

    weight: float = 1.0
    pair: Literal["previous", "current", "older"] = "previous"
    detached: bool = True
    norm: Literal["sum", "mean", "relative"] = "sum"

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise UserError(f"SecantPenalty weight is {self.weight}; it must be 0 or more")

    def measures(self, state: Any) -> bool:
        """Whether :meth:`residual` is a number for steps from this state."""
        state = innermost(state)
        if isinstance(state, BlocksState):
            return all(self.measures(state.blocks[number]) for number in state.penalised)
        return isinstance(state, SecantState) or state.secant_residual is not None

    def residual(self, before: Any, after: Any) -> Tensor | None:
        """(B,) the residual of the step between two states; None where the method has no B.

        Guards and metrics around the optimiser are looked through. Methods that make B of the
        very pair, as SR1 does, say their residual themselves.
        """
        before, after = innermost(before), innermost(after)
        if isinstance(after, BlocksState):
            parts = [self.residual(before.blocks[i], after.blocks[i]) for i in after.penalised]
            known = [part for part in parts if part is not None]
            return torch.stack(known).sum(dim=0) if known else None
        if not isinstance(after, SecantState):
            told: Tensor | None = after.secant_residual
            return told
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.weight > 0):
            secant = _PAIRS[self.pair](before, after)
            if secant is None:
                return after.evaluation.value.new_zeros(len(after.iterate))
            curvature, p, q = secant
            if self.detached:
                p, q = p.detach(), q.detach()
            return _NORMS[self.norm](p - curvature.matvec(q), p)
