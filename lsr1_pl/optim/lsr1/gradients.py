"""What L-SR1's B multiplies: the gradient, or its running mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.optim.checks import check_fraction, check_positive
from lsr1_pl.optim.lsr1.state import LSR1State


class Averaged(NamedTuple):
    """What B multiplies at one step."""

    gradient: Tensor
    """(B, N)."""
    memory: Tensor | None = None
    """What is kept for the next step, problems first."""


class Gradient(ABC):
    """What B multiplies at a step."""

    def first_memory(self, x: Tensor) -> Tensor | None:
        """What is remembered at the start points ``x`` (B, N)."""
        return None

    @abstractmethod
    def at(self, state: LSR1State) -> Averaged:
        """What B multiplies in the step from ``state``."""


@dataclass(frozen=True)
class PlainGradient(Gradient):
    """The gradient itself, as the paper has it."""

    def at(self, state: LSR1State) -> Averaged:
        """The gradient of the point."""
        return Averaged(state.evaluation.gradient)


@dataclass(frozen=True)
class RunningMean(Gradient):
    """The running mean of the gradients, corrected for its start at zero as Adam's.

    Args:
        memory: share of the mean that stays at a step, in (0, 1).
    """

    memory: float = 0.5

    def __post_init__(self) -> None:
        check_fraction(self, memory=self.memory)
        check_positive(self, memory=self.memory)

    def first_memory(self, x: Tensor) -> Tensor:
        """(B, N) the mean before its correction."""
        return torch.zeros_like(x)

    def at(self, state: LSR1State) -> Averaged:
        """The mean with the gradient of the point."""
        assert state.gradient_memory is not None
        mean = torch.lerp(state.evaluation.gradient, state.gradient_memory, self.memory)
        return Averaged(mean / (1 - self.memory ** (state.steps_taken + 1)), mean)
