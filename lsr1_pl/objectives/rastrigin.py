"""The Rastrigin function (Surjanovic and Bingham, Virtual Library of Simulation Experiments)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lsr1_pl.ground.types import Evaluation

_FREQUENCY = 2 * math.pi


class Rastrigin:
    """``f(x) = 10 N + sum_i x_i^2 - 10 cos(2 pi x_i)``; minimum 0 at 0, a local one near each
    point of integer coordinates."""

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        # Equal to 10 (1 - cos), without the loss of digits near the minimum.
        return (x.square() + 20 * torch.sin(math.pi * x).square()).sum(dim=1)

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        """Value (B,) and gradient ``2 x + 20 pi sin(2 pi x)`` (B, N)."""
        gradient = 2 * x + 10 * _FREQUENCY * torch.sin(_FREQUENCY * x)
        return Evaluation(self.value(x), gradient if second_order else gradient.detach())

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        """``(2 + 40 pi^2 cos(2 pi x)) * v`` (B, N); detached."""
        diagonal = 2 + 10 * _FREQUENCY**2 * torch.cos(_FREQUENCY * x)
        return (diagonal * v).detach()

    def minimum(self) -> Tensor:
        """(): 0, the least value of every problem."""
        return torch.zeros(())

    def minimizer(self, x: Tensor) -> Tensor:
        """(B, N): zeros, for points like ``x``."""
        return torch.zeros_like(x)
