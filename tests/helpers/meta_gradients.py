"""The meta-gradient of a learned optimiser against finite differences."""

from __future__ import annotations

import torch
from random_problems import quadratics, starts
from torch import Tensor, nn

from lsr1_pl.optim import BatchedOptimizer, unroll


class _MeanValue(nn.Module):
    """The mean value over three steps on two problems, as a function of the weights."""

    def __init__(self, optimizer: BatchedOptimizer, size: int) -> None:
        super().__init__()
        self.optimizer = optimizer
        self.problems, self.x0 = quadratics(2, size), starts(2, size)

    def forward(self) -> Tensor:
        return unroll(self.optimizer, self.problems, self.x0, 3).values[1:].mean()


def is_gradient_in_all_weights(optimizer: BatchedOptimizer, size: int = 2) -> bool:
    """Whether autograd's gradient in every weight is that of differences; raises if not.

    For optimisers that are modules in float64, without Dropout.
    """
    measured = _MeanValue(optimizer, size)
    names, weights = zip(*measured.named_parameters(), strict=True)

    def loss(*given: Tensor) -> Tensor:
        named = dict(zip(names, given, strict=True))
        value: Tensor = torch.func.functional_call(measured, named, ())
        return value

    return torch.autograd.gradcheck(loss, weights)
