"""How the vector generator's output becomes v, the newest vector of B."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.optim.checks import check_positive
from lsr1_pl.optim.lsr1.state import LSR1State


class Vector(ABC):
    """Makes v of the vector generator's output o."""

    initial_scale: float
    """Factor on the generator's last layer when it is made."""
    limit: float | None
    """If given, c > 0: o becomes ``c tanh(o / c)``."""

    @abstractmethod
    def of(self, output: Tensor, state: LSR1State, unit: Tensor | None) -> Tensor:
        """v (B, N), for the output (B, N) after its limit and the unit that B0 gives, if any."""


@dataclass(frozen=True)
class _Scaled:
    """The fields of every vector.

    Args:
        initial_scale: factor on the vector generator's last layer when it is made. At 1, as the
            layer comes, the first unroll overflows: BatchNorm makes v of order one.
        limit: if given, c > 0: the output o becomes ``c tanh(o / c)``, so that no input makes a
            vector explode.
    """

    initial_scale: float = 0.1
    limit: float | None = None

    def __post_init__(self) -> None:
        if self.limit is not None:
            check_positive(self, limit=self.limit)


@dataclass(frozen=True)
class FreeVector(_Scaled, Vector):
    """v is the output, in the unit of B0 where B0 has one."""

    def of(self, output: Tensor, state: LSR1State, unit: Tensor | None) -> Tensor:
        """The output, in B0's unit."""
        return output if unit is None else output * unit


@dataclass(frozen=True)
class SecantUnitVector(_Scaled, Vector):
    """v is the output times ``sqrt(|p| / (|q| N))`` of the last step, whatever B0 is.

    That is the size of an entry of v in an inverse Hessian: B then has the right unit whatever
    the units of f and x are. The ratio is detached, and held to [1e-4, 1e4].
    """

    def of(self, output: Tensor, state: LSR1State, unit: Tensor | None) -> Tensor:
        """The output, in the last secant's unit."""
        return output * secant_unit(state)


@dataclass(frozen=True)
class SR1Vector(_Scaled, Vector):
    """v is SR1's own vector of the last pair times ``1 + tanh(o) / 2``.

    Where the network is silent, B is that of PSD-SR1: the networks learn its correction.
    """

    def of(self, output: Tensor, state: LSR1State, unit: Tensor | None) -> Tensor:
        """SR1's vector, corrected."""
        return (1 + 0.5 * torch.tanh(output)) * last_sr1_vector(state)


def secant_unit(state: LSR1State) -> Tensor:
    """(B, 1): ``sqrt(|p| / (|q| N))``; ``1 / sqrt(N)`` before the first step, which has no pair."""
    p, q = state.previous_step.detach(), state.gradient_change.detach()
    root = p.shape[1] ** -0.5
    if state.steps_taken == 0:
        return torch.full_like(p[:, :1], root)
    length = p.norm(dim=1, keepdim=True)
    change = q.norm(dim=1, keepdim=True).clamp_min(torch.finfo(q.dtype).tiny)
    return root * (length / change).clamp(1e-4, 1e4).sqrt()


def last_sr1_vector(state: LSR1State) -> Tensor:
    """(B, N) SR1's vector of the last pair, detached; zero before the first step."""
    if state.steps_taken == 0:
        return torch.zeros_like(state.iterate)
    p, q = state.previous_step.detach(), state.gradient_change.detach()
    return state.curvature.sr1_vector(p, q).detach()


def limited(output: Tensor, limit: float | None) -> Tensor:
    """``c tanh(o / c)`` for a limit c; the output itself without one."""
    return output if limit is None else limit * torch.tanh(output / limit)
