"""How well an optimiser's directions agree with Newton's."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class HasNewtonDirection(Protocol):
    """An objective whose Newton direction is known in closed form."""

    def newton_direction(self, x: Tensor) -> Tensor:
        """(B, N) -> (B, N): ``-H(x)^-1 g(x)`` (Eq. 16)."""
        ...


def newton_alignment(iterates: Tensor, directions: Tensor, objective: HasNewtonDirection) -> Tensor:
    """Cosine of ``-d_k`` with the Newton direction at the point it started from (Figure 3b).

    Args:
        iterates: (K + 1, B, N).
        directions: (K, B, N), ``d_k``; step k goes along ``-d_k``.
        objective: of the B problems, with its Newton direction.

    Returns:
        (K, B) in [-1, 1].
    """
    newton = torch.stack([objective.newton_direction(x) for x in iterates[:-1]])
    return torch.cosine_similarity(-directions, newton, dim=2)
