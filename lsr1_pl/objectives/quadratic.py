"""Random quadratics, the paper's first study (Eq. 10)."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.ground.types import Evaluation


class Quadratic:
    """``f(x) = x^T H x / 2 + b^T x``, B problems of N variables, derivatives written out.

    Args:
        H: (B, N, N), symmetric.
        b: (B, N).
    """

    def __init__(self, H: Tensor, b: Tensor) -> None:
        if b.ndim != 2 or H.shape != (*b.shape, b.shape[1]):
            raise UserError(
                f"Quadratic got H {tuple(H.shape)} and b {tuple(b.shape)}; "
                "expected (B, N, N) and (B, N)"
            )
        self.H = H
        self.b = b

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        return self._value(x, self._hessian_times(x))

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        """Value (B,) and gradient Hx + b (B, N)."""
        Hx = self._hessian_times(x)
        gradient = Hx + self.b
        return Evaluation(self._value(x, Hx), gradient if second_order else gradient.detach())

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        """``H v`` (B, N), the same at every ``x``; detached."""
        return self._hessian_times(v.detach()).detach()

    def minimizer(self) -> Tensor:
        """(B, N): the solution of Hx = -b, solved in float64."""
        return -self._solve(self.b)

    def minimum(self) -> Tensor:
        """(B,): f at the minimiser, ``-b^T H^-1 b / 2``, computed in float64."""
        b = self.b.double()
        return (-0.5 * (b * torch.linalg.solve(self.H.double(), b)).sum(dim=1)).to(self.b.dtype)

    def newton_direction(self, x: Tensor) -> Tensor:
        """(B, N): ``-H^-1 (Hx + b)`` (Eq. 16), solved in float64."""
        return -self._solve(self._hessian_times(x) + self.b)

    def _solve(self, right: Tensor) -> Tensor:
        return torch.linalg.solve(self.H.double(), right.double()).to(right.dtype)

    @in_full_precision
    def _hessian_times(self, x: Tensor) -> Tensor:
        return torch.bmm(self.H, x.unsqueeze(2)).squeeze(2)

    def _value(self, x: Tensor, Hx: Tensor) -> Tensor:
        return ((0.5 * Hx + self.b) * x).sum(dim=1)
