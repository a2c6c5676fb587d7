"""Lower and upper bounds of variables, and L-SR1 on raw pairs within them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.line_search import LineStep, armijo
from lsr1_pl.optim.pairs import PairLSR1, PairLSR1State
from lsr1_pl.optim.protocol import BatchedOptimizer


@dataclass(frozen=True)
class Box:
    """``lower <= x <= upper``, both of a shape that (B, N) broadcasts with; infinite where free.

    Raises:
        UserError: a lower bound is above its upper one, or one is NaN.
    """

    lower: Tensor
    upper: Tensor

    def __post_init__(self) -> None:
        if not bool((self.lower <= self.upper).all()):
            raise UserError("bounds: a lower bound is above its upper one, or one is not a number")

    def inside(self, x: Tensor) -> Tensor:
        """(B, N) the nearest points within the bounds."""
        return torch.minimum(torch.maximum(x, self.lower), self.upper)

    def free(self, x: Tensor, gradient: Tensor) -> Tensor:
        """(B, N) bool: the variables that a step down the gradient may move."""
        held = ((x <= self.lower) & (gradient > 0)) | ((x >= self.upper) & (gradient < 0))
        return ~held

    def projected(self, x: Tensor, gradient: Tensor) -> Tensor:
        """(B, N) the gradient of the free variables; 0 at a constrained minimum."""
        return torch.where(self.free(x, gradient), gradient, torch.zeros_like(gradient))


class BoxedPairLSR1(PairLSR1):
    """:class:`PairLSR1` within bounds: the two-metric projection of Bertsekas (1982).

    At each step the variables that stand at a bound, and that the gradient holds there, are fixed.
    The others take B of their own parts of the pairs. The search goes along the projected path, so
    that the function is never evaluated outside.

    Args:
        optimizer: whose network and memory serve (shared, not copied).
        box: the bounds.

    Raises:
        UserError: ``optimizer`` is not a PairLSR1.
    """

    def __init__(self, optimizer: BatchedOptimizer, box: Box) -> None:
        if not isinstance(optimizer, PairLSR1):
            raise UserError(
                f"bounds are served by PairLSR1 alone, the default among them; not by "
                f"{type(getattr(optimizer, 'optimizer', optimizer)).__name__}"
            )
        super().__init__(optimizer.buffer_size, hidden_dim=1)
        self.hidden, self.output = optimizer.hidden, optimizer.output
        self.learning_rate = optimizer.learning_rate
        self.box = box

    def _reduced(self, state: PairLSR1State) -> PairLSR1State:
        value, gradient = state.evaluation
        free = self.box.free(state.iterate, gradient)
        along = torch.where(free, gradient, torch.zeros_like(gradient))
        return replace(
            state, evaluation=Evaluation(value, along), pairs=state.pairs.restricted(free)
        )

    def _search(
        self, objective: Objective, state: PairLSR1State, direction: Tensor, trial: Tensor
    ) -> LineStep:
        return armijo(
            objective, state.iterate, state.evaluation, -direction, trial, self.box.inside
        )
