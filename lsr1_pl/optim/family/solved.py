"""Problems of a family with their solutions: what its knowledge is measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.ground.types import Objective

_LEAST = 1e-5
_PROBES = 8
"""Products with the Hessian of each problem, from which its diagonal is estimated."""


class Solved(NamedTuple):
    """M problems of N variables, each solved from where its start was."""

    features: Tensor
    """(M, F)."""
    start: Tensor
    """(M, N) where the solving began."""
    solution: Tensor
    """(M, N) the minimisers that were found."""
    height: Tensor
    """(M,) the value at the start."""
    least: Tensor
    """(M,) the value at the solution."""
    hessian: Tensor | None
    """(M, ...) what the metric asks for of the Hessian there; None where it asks for nothing."""

    def chosen(self, rows: Tensor) -> Solved:
        """The problems of these numbers."""
        hessian = None if self.hessian is None else self.hessian[rows]
        features, start, solution, height, least = (part[rows] for part in self[:5])
        return Solved(features, start, solution, height, least, hessian)

    @classmethod
    def joined(cls, parts: Sequence[Solved]) -> Solved:
        """The problems of all ``parts``."""
        hessians = [part.hessian for part in parts if part.hessian is not None]
        columns = zip(*(part[:5] for part in parts), strict=True)
        features, start, solution, height, least = map(torch.cat, columns)
        hessian = torch.cat(hessians) if hessians else None
        return cls(features, start, solution, height, least, hessian)


def positive_hessian(objective: Objective, x: Tensor) -> Tensor:
    """(B, N, N) the Hessian at ``x`` (B, N), by N products, made positive definite.

    Its eigenvalues are replaced by their size, and raised to a share of 1e-5 of the largest.
    """
    columns = []
    for variable in range(x.shape[1]):
        along = torch.zeros_like(x)
        along[:, variable] = 1
        columns.append(objective.hessian_vector_product(x, along))
    hessian = torch.stack(columns, dim=2).double()
    values, vectors = torch.linalg.eigh(0.5 * (hessian + hessian.mT))
    sizes = values.abs()
    sizes = torch.maximum(sizes, _LEAST * sizes.amax(dim=1, keepdim=True))
    return ((vectors * sizes.unsqueeze(1)) @ vectors.mT).to(x)


def diagonal_from_signs(product: Callable[[Tensor], Tensor], like: Tensor) -> Tensor:
    """The diagonals of symmetric matrices, estimated from random signs (Bekas et al. 2007).

    Args:
        product: of vectors (B, ...) with the matrices, one each.
        like: a tensor (B, ...) of their shape, precision and device.

    Returns:
        (B, ...); the same one at each call.
    """
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros_like(like)
    for _ in range(_PROBES):
        signs = (2 * torch.randint(2, like.shape, generator=generator) - 1).to(like)
        total = total + signs * product(signs)
    return total / _PROBES
