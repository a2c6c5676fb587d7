"""What learned optimisers of other papers read of each variable."""

from __future__ import annotations

import torch
from torch import Tensor

TIME_SCALES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Steps over which the features of :func:`time_features` rise."""


def running_means(gradient: Tensor, means: Tensor, decays: Tensor) -> Tensor:
    """(B, N, D): each mean of the gradient (B, N), decayed by its own factor and moved on."""
    return decays * means + (1 - decays) * gradient.unsqueeze(2)


def unit_rms(features: Tensor, epsilon: float) -> Tensor:
    """Features (B, N, F), each over its root mean square in the problem's N variables.

    ``epsilon`` is added to the mean square: features well below its root stay small.
    """
    mean_square = features.square().mean(dim=1, keepdim=True)
    return features * (mean_square + epsilon).rsqrt()


def time_features(steps_taken: int, scales: Tensor, like: Tensor) -> Tensor:
    """(B, N, T): ``tanh(k / t - 1)`` of k steps and each t of the scales (T,), ``like`` (B, N)."""
    return torch.tanh(steps_taken / scales - 1).expand(*like.shape, -1)
