"""What optimisers and objectives exchange.

Throughout, ``x`` is ``(B, N)``: B independent problems of N variables each.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor


class Evaluation(NamedTuple):
    """An objective at one batch of points."""

    value: Tensor
    """(B,) objective values."""
    gradient: Tensor
    """(B, N) gradients with respect to x."""


class Objective(Protocol):
    """A batched function: problem b's value depends on row b of ``x`` only."""

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,), differentiable in ``x``."""
        ...

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        """Value (B,) and gradient (B, N) at ``x`` (B, N).

        In grad mode both stay differentiable in ``x``; with ``second_order=False`` the gradient
        is detached (the first-order approximation of the meta-gradient).
        """
        ...

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        """``H(x) v`` (B, N) for ``x`` and ``v`` (B, N); detached."""
        ...
