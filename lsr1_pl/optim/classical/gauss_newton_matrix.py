"""A stand-in for the Hessian of an objective that is made of residuals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import full_precision


class GaussNewtonMatrix(NamedTuple):
    """``H = J^T J + P`` of B problems of N variables: symmetric, positive semi-definite."""

    rows: Tensor
    """J: (B, M, N), the derivatives of M weighted residuals."""
    shared: Tensor | None = None
    """P, positive definite: (N, N) of all problems, or (B, N, N) of each; None for none."""

    @property
    def gradients(self) -> int:
        """How many gradients it counts as: one for each residual, M."""
        return self.rows.shape[1]

    def dense(self) -> Tensor:
        """H, (B, N, N)."""
        with full_precision(self.rows):
            squares = self.rows.mT @ self.rows
            return squares if self.shared is None else squares + self.shared

    def within(self, root: Tensor) -> GaussNewtonMatrix:
        """``A H A``, for coordinates y of x = A y with A (N, N) or (B, N, N), symmetric."""
        with full_precision(self.rows):
            shared = None if self.shared is None else root @ self.shared @ root
            return GaussNewtonMatrix(self.rows @ root, shared)

    def inverse(self) -> Tensor:
        """``H^-1``, (B, N, N); zero where H is singular."""
        with full_precision(self.rows):
            if self.shared is None:
                found = _inverse(self.dense())
            else:
                # P has an inverse that all share, and what is left to solve has M rows, not N.
                plain, failed = torch.linalg.inv_ex(self.shared)
                plain = plain.masked_fill((failed != 0)[..., None, None], torch.nan)
                seen = self.rows @ plain
                inner = seen @ self.rows.mT
                inner.diagonal(dim1=1, dim2=2).add_(1)
                found = plain - seen.mT @ (_inverse(inner) @ seen)
        sound = found.sum(dim=(1, 2), keepdim=True).isfinite()
        return torch.where(sound, found, torch.zeros_like(found))


def gauss_newton_of(objective: Any) -> Callable[[Tensor], GaussNewtonMatrix]:
    """The objective's ``gauss_newton``: x (B, N) -> the matrix there.

    Raises:
        UserError: it has none.
    """
    found: Callable[[Tensor], GaussNewtonMatrix] | None = getattr(objective, "gauss_newton", None)
    if found is None:
        raise UserError(
            "GaussNewton needs an objective that shows its residuals (a method gauss_newton); "
            "call lsr1_pl.least_squares, or take an optimiser of gradients"
        )
    return found


def _inverse(matrix: Tensor) -> Tensor:
    """Of positive definite ones (B, K, K); infinite where one is not."""
    factor, failed = torch.linalg.cholesky_ex(matrix)
    bad = (failed != 0).view(-1, 1, 1)
    # Where there is no factor, ones stand in, so that the others are inverted.
    identity = torch.eye(matrix.shape[1], dtype=matrix.dtype, device=matrix.device)
    inverse = torch.cholesky_inverse(torch.where(bad, identity, factor))
    return inverse.masked_fill(bad, torch.inf)
