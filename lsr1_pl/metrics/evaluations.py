"""Optimisers compared at equal cost, whatever a step of theirs costs."""

from __future__ import annotations

import torch
from torch import Tensor


def value_after(values: Tensor, evaluations: Tensor, budget: int) -> Tensor:
    """(B,) the least value that ``budget`` evaluations after the start's could buy.

    Args:
        values: (K + 1, B) by step; what is not a number counts as infinite.
        evaluations: (K + 1, B) gradients and Hessian-vector products so far, 1 at the start.
        budget: >= 0.
    """
    bought = values.nan_to_num(nan=torch.inf)
    return torch.where(evaluations <= budget + 1, bought, torch.inf).min(dim=0).values
