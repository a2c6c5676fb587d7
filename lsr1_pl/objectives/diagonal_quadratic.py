"""Diagonal quadratics of a given condition number (Appendix C.2.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation


class DiagonalQuadratic:
    """``f(x) = sum_i h_i x_i^2 / 2``, the same for every problem of a batch; minimum 0 at 0.

    The eigenvalues h_i run from ``1 / condition`` to 1, evenly in their logarithm; the paper does
    not give them.

    Args:
        condition: the condition number, >= 1.
    """

    def __init__(self, condition: float = 100.0) -> None:
        if not condition >= 1:
            raise UserError(f"DiagonalQuadratic condition is {condition}; it must be at least 1")
        self.condition = condition

    def eigenvalues(self, like: Tensor) -> Tensor:
        """(N,) the diagonal of H for points like ``like`` (B, N)."""
        exponents = torch.linspace(-1, 0, like.shape[1], dtype=like.dtype, device=like.device)
        return self.condition**exponents

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        return 0.5 * (self.eigenvalues(x) * x.square()).sum(dim=1)

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        """Value (B,) and gradient ``h * x`` (B, N)."""
        gradient = self.eigenvalues(x) * x
        value = 0.5 * (gradient * x).sum(dim=1)
        return Evaluation(value, gradient if second_order else gradient.detach())

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        """``h * v`` (B, N), the same at every ``x``; detached."""
        return (self.eigenvalues(x) * v).detach()

    def newton_direction(self, x: Tensor) -> Tensor:
        """(B, N): ``-x``, whatever the eigenvalues are."""
        return -x

    def minimum(self) -> Tensor:
        """(): 0, the least value of every problem."""
        return torch.zeros(())

    def minimizer(self, x: Tensor) -> Tensor:
        """(B, N): zeros, for points like ``x``."""
        return torch.zeros_like(x)
