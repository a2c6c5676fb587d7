"""The points of a body that a set of joints in space means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from lsr1_pl.body import BodyModel
from lsr1_pl.body.skeleton import JOINTS45

Mixture = Mapping[str, float]
"""Joints and landmarks of `JOINTS45` -> their shares; the shares sum to 1."""


class BodyPoints(nn.Module):
    """Pose and betas -> points of the body, each a mixture of its joints and landmarks.

    Args:
        body: any, with its own proportions.
        mixtures: of each of the P points.
    """

    shares: Tensor

    def __init__(self, body: BodyModel, mixtures: Sequence[Mixture]) -> None:
        super().__init__()
        used = sorted({joint for mixture in mixtures for joint in mixture}, key=JOINTS45.index)
        self.joints: Callable[[Tensor, Tensor], Tensor] = body.select(used)
        shares = [[mixture.get(joint, 0.0) for joint in used] for mixture in mixtures]
        self.register_buffer("shares", torch.tensor(shares), persistent=False)

    def forward(self, pose: Tensor, betas: Tensor) -> Tensor:
        """(B, 72) and (B, num_betas) -> (B, P, 3) metres."""
        joints = self.joints(pose, betas)
        return self.shares.to(joints.dtype) @ joints
