"""The initial-estimate networks of LGD (Song, Chen, Hilliges, ECCV 2020)."""

from __future__ import annotations

from torch import Tensor

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr.lgd_network import lgd_network
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.start.estimator import Estimator
from lsr1_pl.hmr.variables import POSE_SIZE, join_variables


class InitialEstimate(Estimator):
    """Keypoints -> pose and betas, by two networks; 8,577,116 parameters as LGD has them.

    Args:
        num_betas: shape coefficients that are estimated.
        width: of both networks (1024 in LGD).
        dropout: rate in [0, 1) (0.2 in LGD).
    """

    def __init__(self, num_betas: int = 10, width: int = 1024, dropout: float = 0.2) -> None:
        super().__init__()
        features = 2 * len(COCO18)
        self.pose = lgd_network(features, POSE_SIZE, width, dropout)
        self.betas = lgd_network(features, num_betas, width, dropout)

    def forward(self, keypoints: Tensor) -> Tensor:
        """Normalised keypoints (B, 18, 2) -> x0 (B, 72 + num_betas)."""
        flat = keypoints.flatten(1)
        return join_variables(self.pose(flat), self.betas(flat)).to(keypoints.dtype)

    def estimate(self, observation: Observation) -> Tensor:
        """The bodies of the observed people, (B, 72 + num_betas); confidences are not read."""
        x0: Tensor = self(observation.keypoints)
        return x0
