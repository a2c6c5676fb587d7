"""The elementwise networks of L-SR1 (Tables 5 and 6): each variable is one row."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _PReLU(torch.autograd.Function):
    """Keeps the rows alone for its gradient, which itself can be differentiated."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(rows, slope)
        return torch.prelu(rows, slope)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        rows, slope = ctx.saved_tensors
        positive = torch.ops.aten.threshold_backward(gradient, rows, 0)
        negative = gradient - positive
        return torch.lerp(positive, gradient, slope), (negative * rows).sum().view(1)


class PReLU(nn.PReLU):
    """Torch's, with a gradient that on a CPU is several times faster."""

    def forward(self, rows: Tensor) -> Tensor:
        """(R, features) -> (R, features)."""
        slope = self.weight.to(rows.dtype)
        if torch.compiler.is_compiling():  # A compiler makes its own gradient, and fuses it.
            return torch.lerp(rows.relu(), rows, slope)
        out: Tensor = _PReLU.apply(rows, slope)
        return out


class BasicBlock(nn.Module):
    """Table 6: Linear, BatchNorm, PReLU, Dropout, Linear, BatchNorm, Dropout.

    ``residual`` adds the input, as LGD's block does; Table 6 does not say.
    """

    def __init__(self, features: int, dropout: float, residual: bool, norm_momentum: float) -> None:
        super().__init__()
        self.residual = residual
        self.layers = nn.Sequential(
            nn.Linear(features, features),
            nn.BatchNorm1d(features, momentum=norm_momentum),
            PReLU(),
            nn.Dropout(dropout),
            nn.Linear(features, features),
            nn.BatchNorm1d(features, momentum=norm_momentum),
            nn.Dropout(dropout),
        )

    def forward(self, rows: Tensor) -> Tensor:
        """(R, features) -> (R, features)."""
        out = self.layers(rows)
        return rows + out if self.residual else out


class ElementwiseMLP(nn.Module):
    """Table 5, applied to every variable of every problem alike, so that it serves any N.

    In train mode BatchNorm takes its statistics over all B * N rows and so couples the problems
    of a batch; in eval mode a row's output depends on that row alone.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden_dim: int,
        *,
        dropout: float = 0.0,
        residual: bool = True,
        norm_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(in_features, hidden_dim),
            nn.BatchNorm1d(hidden_dim, momentum=norm_momentum),
            PReLU(),
            nn.Dropout(dropout),
            BasicBlock(hidden_dim, dropout, residual, norm_momentum),
            BasicBlock(hidden_dim, dropout, residual, norm_momentum),
        )
        self.output = nn.Linear(hidden_dim, out_features)

    def forward(self, rows: Tensor) -> Tensor:
        """(R, in_features) -> (R, out_features)."""
        return self.output(self.layers(rows))
