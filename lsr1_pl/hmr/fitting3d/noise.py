"""How strong the prior is: joints that are surer need less of it."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 1e-6
"""Square metres: the prior's weight for joints that are exact."""
_MOST = 1e-4
_UNTIED = 0.004
"""Metres: the residuals of a short fit to exact joints."""
_KEPT = {2: 0.65, 3: 0.3}
"""The share of the noise's variance that is left in residuals: a body follows less of many views
than of one set of joints."""
_MEDIAN = {2: 1.386, 3: 2.366}
"""The median of a sum of so many squares, in variances."""


def exact_weight(people: Tensor) -> Tensor:
    """(B,) the prior's weight of the first fits of ``people`` (B, ...)."""
    return torch.full_like(people.flatten(1)[:, 0], _LEAST)


def prior_weight(median_square: Tensor, seen: Tensor, dimensions: int) -> Tensor:
    """(B,) the prior's weight in square metres, by what a first fit leaves over.

    A Gaussian prior beside P residuals of variance s, averaged over them, weighs ``s / 2P``.

    Args:
        median_square: (B,) of a person's squared residuals.
        seen: (B, P) bool: which there are.
        dimensions: 2 or 3, of each residual.
    """
    variance = (median_square / _MEDIAN[dimensions] - _UNTIED**2).clamp_min(0) / _KEPT[dimensions]
    count = seen.sum(dim=1).clamp_min(1)
    return (_LEAST + variance / (2 * count)).clamp_max(_MOST)
