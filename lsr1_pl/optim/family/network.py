"""The network of the parts that know a family: one residual MLP."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_FIRST_SCALE = 0.1
"""Of the last layer's first weights: training begins near zero."""


class ResidualBlock(nn.Module):
    """``rows + Linear(GELU(Linear(LayerNorm(rows))))``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
        )

    def forward(self, rows: Tensor) -> Tensor:
        """(B, width) -> (B, width)."""
        out: Tensor = rows + self.layers(rows)
        return out


class ResidualNetwork(nn.Module):
    """Rows of numbers to rows of numbers, by pre-norm residual blocks; no row knows another.

    Args:
        inputs: numbers that are read.
        outputs: numbers that are given; all near zero at first.
        width: of every hidden layer.
        blocks: how many there are.
    """

    def __init__(self, inputs: int, outputs: int, width: int, blocks: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, width),
            *(ResidualBlock(width) for _ in range(blocks)),
            nn.LayerNorm(width),
        )
        self.output = nn.Linear(width, outputs)
        with torch.no_grad():
            self.output.weight.mul_(_FIRST_SCALE)
            self.output.bias.zero_()

    def forward(self, rows: Tensor) -> Tensor:
        """(B, inputs) -> (B, outputs), in the precision of the rows."""
        out: Tensor = self.output(self.layers(rows.to(self.output.weight.dtype)))
        return out.to(rows.dtype)
