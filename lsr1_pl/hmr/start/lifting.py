"""A network that lifts 2D keypoints to a body: pose as rotation matrices, and betas."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lsr1_pl.body.rotations import axis_angle, rotation_from_6d, rotation_matrix
from lsr1_pl.body.skeleton import COCO18, SMPL_JOINTS
from lsr1_pl.ground.precision import full_precision
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.start.estimator import Estimator
from lsr1_pl.hmr.variables import join_variables
from lsr1_pl.optim.family.network import ResidualBlock

_JOINTS = len(SMPL_JOINTS)
_SPREAD = 4.0
"""Keypoints lie within half a box of its centre; times this they are of the order of 1."""
_FIRST_SCALE = 0.1
"""Of the heads' first weights: training begins near the mean pose, whatever is observed."""


class LiftedBody(NamedTuple):
    """The bodies of B people, as the network gives them."""

    rotations: Tensor
    """(B, 24, 3, 3) each joint's in its parent's frame, the root's as the camera sees it."""
    betas: Tensor
    """(B, num_betas)."""

    def variables(self) -> Tensor:
        """(B, 72 + num_betas): axis-angle of at most pi a joint, then betas."""
        return join_variables(axis_angle(self.rotations).flatten(1), self.betas)


class LiftingNetwork(Estimator):
    """Keypoints and their confidences -> pose and betas, by one MLP of pre-norm residual blocks.

    It reads 36 normalised coordinates and 18 confidences. A keypoint of confidence 0 has no
    influence, wherever it stands. Each rotation comes out as two columns of its matrix
    (:func:`lsr1_pl.body.rotations.rotation_from_6d`), which turn no corner at a half turn as
    axis-angle does. Nothing couples the people of a batch.

    Args:
        num_betas: shape coefficients that are estimated.
        width: of every layer.
        blocks: residual blocks of two layers each.
    """

    def __init__(self, num_betas: int = 10, width: int = 1024, blocks: int = 3) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(3 * len(COCO18), width),
            *(ResidualBlock(width) for _ in range(blocks)),
            nn.LayerNorm(width),
        )
        self.pose = nn.Linear(width, 6 * _JOINTS)
        self.betas = nn.Linear(width, num_betas)
        with torch.no_grad():
            for head in (self.pose, self.betas):
                head.weight *= _FIRST_SCALE
                head.bias.zero_()
            self.pose.bias.copy_(_columns(torch.eye(3).expand(_JOINTS, 3, 3)))

    @torch.no_grad()
    def centre_on(self, pose: Tensor) -> None:
        """Begin at the mean rotation of each joint over poses (B, 72), in radians.

        The root stays unturned: people who look everywhere have no mean heading.
        """
        mean = rotation_matrix(pose.unflatten(1, (_JOINTS, 3))).mean(dim=0)
        mean[0] = torch.eye(3)
        self.pose.bias.copy_(_columns(mean))

    def lift(self, keypoints: Tensor, confidence: Tensor) -> LiftedBody:
        """The bodies of B people.

        Args:
            keypoints: (B, 18, 2), normalised by the visible bounding box into [0, 1].
            confidence: (B, 18) in [0, 1]; 0 is not seen.
        """
        seen = (confidence > 0).unsqueeze(2)
        places = torch.where(seen, _SPREAD * (keypoints - 0.5), torch.zeros_like(keypoints))
        features = self.trunk(torch.cat([places.flatten(1), confidence], dim=1))
        columns, betas = self.pose(features), self.betas(features)
        with full_precision(keypoints):
            columns = columns.to(keypoints.dtype).unflatten(1, (_JOINTS, 6))
            return LiftedBody(rotation_from_6d(columns), betas.to(keypoints.dtype))

    def forward(self, keypoints: Tensor, confidence: Tensor) -> Tensor:
        """As :meth:`lift`, in one vector of fitted variables.

        Returns:
            (B, 72 + num_betas): axis-angle of at most pi a joint, then betas.
        """
        lifted = self.lift(keypoints, confidence)
        with full_precision(keypoints):
            return lifted.variables()

    def estimate(self, observation: Observation) -> Tensor:
        """The bodies of the observed people, (B, 72 + num_betas)."""
        x0: Tensor = self(observation.keypoints, observation.visibility)
        return x0


def _columns(matrices: Tensor) -> Tensor:
    """(24, 3, 3) -> (144,) the first two columns of each, one after the other."""
    return matrices[:, :, :2].mT.flatten()
