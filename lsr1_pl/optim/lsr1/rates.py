"""How the learning-rate generator's output becomes the step sizes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.optim.checks import check_positive
from lsr1_pl.optim.lsr1.vectors import limited


@dataclass(frozen=True)
class Rate:
    """``alpha = gamma1 exp(gamma2 o)`` of the output o, one step size a variable.

    Args:
        gamma1: the step size where the network is silent, > 0.
        gamma2: sensitivity to the network's output.
        limit: if given, c > 0: the exponent e becomes ``c tanh(e / c)``, so that a step size stays
            between ``gamma1 / exp(c)`` and ``gamma1 exp(c)``.
        most: if given, > 0: no step size is above it (10 in the authors' published code).
    """

    gamma1: float = 0.4
    gamma2: float = 1e-3
    limit: float | None = None
    most: float | None = None

    def __post_init__(self) -> None:
        check_positive(self, gamma1=self.gamma1)
        if self.limit is not None:
            check_positive(self, limit=self.limit)
        if self.most is not None:
            check_positive(self, most=self.most)

    def of(self, output: Tensor) -> Tensor:
        """(B, N) step sizes of outputs (B, N)."""
        rate = self.gamma1 * torch.exp(limited(self.gamma2 * output, self.limit))
        return rate if self.most is None else rate.clamp_max(self.most)
