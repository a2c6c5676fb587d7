"""Six functions of the Virtual Library of Simulation Experiments (Surjanovic and Bingham).

No optimiser of the project is trained on them. Each has its least value, 0, at ``minimizer``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives.base import AutogradObjective


class Ackley(AutogradObjective):
    """``20 + e - 20 exp(-0.2 |x| / sqrt(N)) - exp(mean cos(2 pi x))``: many local minima."""

    radius = 32.768
    """Half the side of the cube that starts are drawn from."""

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        # The root has no slope at 0, the minimiser.
        distance = (x.square().mean(dim=1) + torch.finfo(x.dtype).tiny).sqrt()
        waves = torch.cos(2 * math.pi * x).mean(dim=1)
        return 20 + math.e - 20 * torch.exp(-0.2 * distance) - torch.exp(waves)

    def minimizer(self, x: Tensor) -> Tensor:
        """(B, N): zeros."""
        return torch.zeros_like(x)


class Levy(AutogradObjective):
    """Levy's function of ``w = 1 + (x - 1) / 4``: ripples over a bowl."""

    radius = 10.0

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        w = 1 + (x - 1) / 4
        head, last = w[:, :-1], w[:, -1]
        ripples = (head - 1).square() * (1 + 10 * torch.sin(math.pi * head + 1).square())
        end = (last - 1).square() * (1 + torch.sin(2 * math.pi * last).square())
        return torch.sin(math.pi * w[:, 0]).square() + ripples.sum(dim=1) + end

    def minimizer(self, x: Tensor) -> Tensor:
        """(B, N): ones."""
        return torch.ones_like(x)


class DixonPrice(AutogradObjective):
    """``(x_1 - 1)^2 + sum_i i (2 x_i^2 - x_{i-1})^2``: a curved valley, ever steeper in i."""

    radius = 10.0

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        numbers = torch.arange(2, x.shape[1] + 1, dtype=x.dtype, device=x.device)
        valleys = numbers * (2 * x[:, 1:].square() - x[:, :-1]).square()
        return (x[:, 0] - 1).square() + valleys.sum(dim=1)

    def minimizer(self, x: Tensor) -> Tensor:
        """(B, N): ``2^(2^(1-i) - 1)``, one of two up to the signs."""
        numbers = torch.arange(1, x.shape[1] + 1, dtype=torch.float64, device=x.device)
        return torch.exp2(torch.exp2(1 - numbers) - 1).to(x.dtype).expand_as(x)


class Zakharov(AutogradObjective):
    """``|x|^2 + s^2 + s^4`` with ``s = sum_i i x_i / 2``: one direction far steeper than all."""

    radius = 5.0

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        numbers = torch.arange(1, x.shape[1] + 1, dtype=x.dtype, device=x.device)
        s = (0.5 * numbers * x).sum(dim=1)
        return x.square().sum(dim=1) + s.square() + s.square().square()

    def minimizer(self, x: Tensor) -> Tensor:
        """(B, N): zeros."""
        return torch.zeros_like(x)


class StyblinskiTang(AutogradObjective):
    """``sum_i (x_i^4 - 16 x_i^2 + 5 x_i) / 2``, less its least value: 2^N local minima."""

    radius = 5.0
    _AT = -2.903534027771177

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        return (self._term(x) - self._term(torch.full_like(x[:, :1], self._AT))).sum(dim=1)

    def minimizer(self, x: Tensor) -> Tensor:
        """(B, N): -2.9035 in every variable."""
        return torch.full_like(x, self._AT)

    @staticmethod
    def _term(x: Tensor) -> Tensor:
        square = x.square()
        return 0.5 * (square.square() - 16 * square + 5 * x)


class Powell(AutogradObjective):
    """Powell's quartic in fours of variables: its Hessian is singular at the minimiser.

    Raises:
        UserError: N is no multiple of 4.
    """

    radius = 4.5

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        if x.shape[1] % 4:
            raise UserError(f"Powell needs a multiple of 4 variables; x is {tuple(x.shape)}")
        a, b, c, d = x.unflatten(1, (-1, 4)).unbind(dim=2)
        terms = (a + 10 * b).square() + 5 * (c - d).square()
        quartic = (b - 2 * c).square().square() + 10 * (a - d).square().square()
        return (terms + quartic).sum(dim=1)

    def minimizer(self, x: Tensor) -> Tensor:
        """(B, N): zeros."""
        return torch.zeros_like(x)
