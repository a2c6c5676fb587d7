"""Random problems of known shape, for every test that needs an optimiser to work on something."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.objectives import Quadratic


def positive_definite(count: int, size: int, seed: int = 0) -> Tensor:
    """(count, size, size) symmetric float64 matrices whose eigenvalues are at least 0.1."""
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(count, size, size, dtype=torch.float64, generator=generator)
    return A.mT @ A / size + 0.1 * torch.eye(size, dtype=torch.float64)


def quadratics(
    count: int,
    size: int,
    *,
    seed: int = 0,
    unit_norm: bool = False,
    dtype: torch.dtype = torch.float64,
) -> Quadratic:
    """Convex quadratics of random H and b; the same problems in every ``dtype``, but for rounding.

    Args:
        count: the number of problems.
        size: the number of variables of each.
        seed: of the random numbers.
        unit_norm: divide each H by its Frobenius norm and each b by its length, as the paper does.
            Unit steps of gradient descent then converge.
        dtype: of H and b.
    """
    H = positive_definite(count, size, seed)
    b = starts(count, size, seed=seed + 1)
    if unit_norm:
        H = H / torch.linalg.matrix_norm(H, keepdim=True)
        b = b / b.norm(dim=1, keepdim=True)
    return Quadratic(H.to(dtype), b.to(dtype))


def one_of(problems: Quadratic, number: int) -> Quadratic:
    """One of the problems as a batch of its own."""
    return Quadratic(problems.H[number : number + 1], problems.b[number : number + 1])


def starts(count: int, size: int, *, seed: int = 7, dtype: torch.dtype = torch.float64) -> Tensor:
    """(count, size) standard normal points."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, dtype=torch.float64, generator=generator).to(dtype)
