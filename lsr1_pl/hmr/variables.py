"""The fitted variables as one vector: 72 of pose, then the betas."""

from __future__ import annotations

import torch
from torch import Tensor

POSE_SIZE = 72
"""24 joints of axis-angle, in radians, root first."""


def join_variables(pose: Tensor, betas: Tensor) -> Tensor:
    """(..., 72) and (..., num_betas) -> (..., 72 + num_betas)."""
    return torch.cat([pose, betas], dim=-1)


def split_variables(x: Tensor) -> tuple[Tensor, Tensor]:
    """(..., 72 + num_betas) -> pose (..., 72) and betas (..., num_betas)."""
    return x[..., :POSE_SIZE], x[..., POSE_SIZE:]
