"""What a fit to joints in space varies, as one vector; and where bodies stand."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.hmr.variables import POSE_SIZE

EXTRA = 4
"""Numbers after pose and betas: the translation, and the logarithm of the scale."""


class SpaceState(NamedTuple):
    """B bodies: a point p of the body is at ``exp(log_scale) p + translation``."""

    pose: Tensor
    """(B, 72) axis-angle in radians, root first."""
    betas: Tensor
    """(B, num_betas)."""
    translation: Tensor
    """(B, 3) metres."""
    log_scale: Tensor
    """(B, 1); 0 where the scale is fixed."""

    def joined(self) -> Tensor:
        """(B, 72 + num_betas + 4)."""
        return torch.cat(self, dim=1)

    def moved(self, points: Tensor) -> Tensor:
        """Points (B, P, 3) of the bodies -> where they are."""
        return self.log_scale.exp().unsqueeze(2) * points + self.translation.unsqueeze(1)


def state_of(x: Tensor) -> SpaceState:
    """The parts of joined states (B, 72 + num_betas + 4)."""
    num_betas = x.shape[1] - POSE_SIZE - EXTRA
    return SpaceState(*x.split((POSE_SIZE, num_betas, 3, 1), dim=1))


class Placed(NamedTuple):
    """Axes of B people: their point p is at ``scale * turn @ p + place`` in space."""

    turn: Tensor
    """(B, 3, 3) rotations."""
    place: Tensor
    """(B, 3)."""
    scale: Tensor
    """(B,) above 0."""

    def to_body(self, joints: Tensor) -> Tensor:
        """Points in space (B, P, 3) -> the same in the people's axes."""
        return (joints - self.place.unsqueeze(1)) @ self.turn / self.scale.view(-1, 1, 1)

    def to_space(self, points: Tensor) -> Tensor:
        """The inverse of :meth:`to_body`."""
        return self.scale.view(-1, 1, 1) * points @ self.turn.mT + self.place.unsqueeze(1)
