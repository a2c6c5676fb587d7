"""The network that LGD is made of (Song, Chen, Hilliges, ECCV 2020)."""

from __future__ import annotations

from torch import Tensor, nn

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
