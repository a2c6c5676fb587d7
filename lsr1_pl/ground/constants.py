"""Small constants beside a tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def constant(values: Sequence[float], like: Tensor) -> Tensor:
    """Numbers as a tensor in the precision and on the device of ``like``.

    The host does not wait for the device, as it does in ``like.new_tensor``.
    """
    return torch.tensor(values, dtype=like.dtype).to(like.device, non_blocking=True)


def places(indices: Sequence[int], like: Tensor) -> Tensor:
    """Indices as a tensor on the device of ``like``, for which the host does not wait either."""
    return torch.tensor(indices, dtype=torch.long).to(like.device, non_blocking=True)
