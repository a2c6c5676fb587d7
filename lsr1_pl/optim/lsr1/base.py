"""B0, what L-SR1's B is without vectors: one class each, with what it remembers and its unit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from lsr1_pl.optim.checks import check_fraction
from lsr1_pl.optim.lsr1.state import LSR1State

_EPSILON = 1e-8


class Diagonal(NamedTuple):
    """B0 at one step."""

    scale: Tensor
    """(B, 1) the factor of the identity, or (B, N) the diagonal."""
    memory: Tensor | None = None
    """What B0 keeps for the next step, problems first."""


class Base(ABC):
    """B0 of L-SR1. One is chosen by its class: ``LSR1(base=Polyak())``, or ``base: Polyak``.

    B0 is a constant to the meta-gradient.
    """

    start: ClassVar[float] = 1.0
    """The factor of the identity before the first step."""

    def first_memory(self, x: Tensor) -> Tensor | None:
        """What B0 remembers at the start points ``x`` (B, N)."""
        return None

    @abstractmethod
    def at(self, state: LSR1State) -> Diagonal:
        """B0 for the step from ``state``; ``state.curvature.scale`` is that of the step before."""

    def unit(self, scale: Tensor) -> Tensor | None:
        """The unit of v, shaped as ``scale``: the size that an entry has beside this B0.

        None where B0 says nothing about it.
        """
        return None


@dataclass(frozen=True)
class Identity(Base):
    """B0 = I, as Eq. 7 has it."""

    def at(self, state: LSR1State) -> Diagonal:
        """The identity."""
        return Diagonal(state.curvature.scale)


@dataclass(frozen=True)
class Zero(Base):
    """B0 = 0, as line 9 of Algorithm 1 is printed: a step stays in the span of the vectors."""

    start: ClassVar[float] = 0.0

    def at(self, state: LSR1State) -> Diagonal:
        """Zero."""
        return Diagonal(state.curvature.scale)


@dataclass(frozen=True)
class IdentityUntilFull(Base):
    """B0 = I until the buffer holds L vectors, and 0 from that step on.

    The authors' published code has it: Eq. 7 and line 9 of Algorithm 1 are each right in turn.
    """

    def at(self, state: LSR1State) -> Diagonal:
        """The identity, or zero where this step's vector fills the buffer or it is full."""
        full = state.curvature.count + 1 >= state.curvature.capacity
        return Diagonal(torch.full_like(state.curvature.scale, 0.0 if full else 1.0))


@dataclass(frozen=True)
class LastSecant(Base):
    """B0 = ``(p . q / q . q) I`` of the last step, in [1e-4, 1e4]; before the first, identity."""

    def at(self, state: LSR1State) -> Diagonal:
        """The ratio of Barzilai and Borwein."""
        if state.steps_taken == 0:
            return Diagonal(state.curvature.scale)
        return Diagonal(_secant_ratio(state))


@dataclass(frozen=True)
class FirstSecant(Base):
    """:class:`LastSecant` of the first step, held from then on."""

    def at(self, state: LSR1State) -> Diagonal:
        """The first step's ratio."""
        if state.steps_taken != 1:
            return Diagonal(state.curvature.scale)
        return Diagonal(_secant_ratio(state))


@dataclass(frozen=True)
class Polyak(Base):
    """B0 = ``f / |g|^2 I`` of the point, in [1e-6, 1e6], for objectives whose least value is 0.

    Without vectors a step is Polyak's, times the rate.
    """

    def at(self, state: LSR1State) -> Diagonal:
        """Polyak's step size."""
        value, gradient = (part.detach() for part in state.evaluation)
        square = gradient.square().sum(dim=1).clamp_min(torch.finfo(value.dtype).tiny)
        return Diagonal((value / square).clamp(1e-6, 1e6).unsqueeze(1))

    def unit(self, scale: Tensor) -> Tensor:
        """The root of B0."""
        return scale.sqrt()


@dataclass(frozen=True)
class AdamDiagonal(Base):
    """B0 = ``diag(1 / sqrt(mean g^2))``, the diagonal of Adam.

    Args:
        memory: of the running mean of squared gradients, in [0, 1).
    """

    memory: float = 0.999

    def __post_init__(self) -> None:
        check_fraction(self, memory=self.memory)

    def first_memory(self, x: Tensor) -> Tensor:
        """(B, N) the running mean, not corrected for its start at zero."""
        return torch.zeros_like(x)

    def at(self, state: LSR1State) -> Diagonal:
        """One over the root of the running mean, corrected for its start."""
        assert state.base_memory is not None
        latest = state.evaluation.gradient.detach().square()
        mean = torch.lerp(latest, state.base_memory, self.memory)
        corrected = mean / (1 - self.memory ** (state.steps_taken + 1))
        return Diagonal(1 / (corrected.sqrt() + _EPSILON), mean)

    def unit(self, scale: Tensor) -> Tensor:
        """The root of B0."""
        return scale.sqrt()


def _secant_ratio(state: LSR1State) -> Tensor:
    """(B, 1) ``p . q / q . q`` of the last step."""
    p, q = state.previous_step.detach(), state.gradient_change.detach()
    square = q.square().sum(dim=1, keepdim=True).clamp_min(torch.finfo(q.dtype).tiny)
    return ((p * q).sum(dim=1, keepdim=True) / square).clamp(1e-4, 1e4)
