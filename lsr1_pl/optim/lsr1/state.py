"""Where L-SR1 stands between two steps."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from lsr1_pl.optim.protocol import SecantState


@dataclass(frozen=True)
class LSR1State(SecantState):
    """What the encoder reads, the buffer of vectors, and what B0 and the gradient remember."""

    base_memory: Tensor | None
    """What B0 keeps from step to step, problems first; None for a B0 that keeps nothing."""
    gradient_memory: Tensor | None
    """What the gradient part keeps, problems first; None for the gradient itself."""
