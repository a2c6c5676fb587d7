"""The initial-estimate networks of LGD (Song, Chen, Hilliges, ECCV 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr.variables import POSE_SIZE, join_variables
from lsr1_pl.optim.lsr1.networks import PReLU


class _ResidualBlock(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [
                nn.Linear(width, width),
                nn.BatchNorm1d(width),
                PReLU(),
                nn.Dropout(dropout),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, rows: Tensor) -> Tensor:
        return rows + self.layers(rows)


def lgd_network(in_features: int, out_features: int, width: int, dropout: float) -> nn.Sequential:
    """LGD's MLP: Linear, BatchNorm, PReLU, Dropout, two residual blocks, Linear."""
    return nn.Sequential(
        nn.Linear(in_features, width),
        nn.BatchNorm1d(width),
        PReLU(),
        nn.Dropout(dropout),
        _ResidualBlock(width, dropout),
        _ResidualBlock(width, dropout),
        nn.Linear(width, out_features),
    )


class InitialEstimate(nn.Module):
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
