"""The elementwise networks of L-SR1 (Tables 5 and 6): each variable is one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.checks import check_counts, check_fraction


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


@dataclass(frozen=True)
class Networks:
    """What the encoder and the two generators are made of.

    Args:
        width: of their hidden layers (128 in the paper, 256 in the authors' published code).
        latent_width: of what the encoder gives and the generators read (128 in both); None for
            ``width``.
        dropout: rate of every Dropout of Tables 5 and 6, in [0, 1); the paper does not give one.
        skip: whether the basic blocks add their input, as LGD's do; Table 6 is silent.
        second_prelu: whether the basic blocks end, before their last Dropout, in their PReLU once
            more, with the same slope, as those of the authors' published code do.
        norm_momentum: of BatchNorm's running statistics, in (0, 1]; torch's default is 0.1. They
            are updated at every inner step, so that at 0.1 they hold the last ten steps of an
            unroll, and the evaluated networks misjudge the first; 0.01 averages over unrolls.
    """

    width: int = 128
    latent_width: int | None = None
    dropout: float = 0.0
    skip: bool = True
    second_prelu: bool = False
    norm_momentum: float = 0.1

    def __post_init__(self) -> None:
        check_counts(self, width=self.width, latent_width=self.latent)
        check_fraction(self, dropout=self.dropout)
        if not 0 < self.norm_momentum <= 1:
            raise UserError(
                f"Networks norm_momentum is {self.norm_momentum}; it must lie in (0, 1]"
            )

    @property
    def latent(self) -> int:
        """How many numbers the encoder gives of each variable."""
        return self.width if self.latent_width is None else self.latent_width

    def encoder(self, features: int) -> ElementwiseMLP:
        """The network that reads ``features`` numbers of each variable."""
        return ElementwiseMLP(features, self.latent, self)

    def generator(self) -> ElementwiseMLP:
        """A network that reads what the encoder gives, and gives one number."""
        return ElementwiseMLP(self.latent, 1, self)


_PRELU = 2
"""The place of the PReLU among a basic block's layers."""


class BasicBlock(nn.Module):
    """Table 6: Linear, BatchNorm, PReLU, Dropout, Linear, BatchNorm, Dropout.

    With ``second_prelu``, the same PReLU stands before the last Dropout too.
    """

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        features, dropout = networks.width, networks.dropout
        norm_momentum = networks.norm_momentum
        self.skip, self.second_prelu = networks.skip, networks.second_prelu
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
        out = self.layers[:-1](rows)
        if self.second_prelu:
            out = self.layers[_PRELU](out)
        out = self.layers[-1](out)
        return rows + out if self.skip else out


class ElementwiseMLP(nn.Module):
    """Table 5, applied to every variable of every problem alike, so that it serves any N.

    In train mode BatchNorm takes its statistics over all B * N rows and so couples the problems
    of a batch; in eval mode a row's output depends on that row alone.
    """

    def __init__(self, in_features: int, out_features: int, networks: Networks) -> None:
        super().__init__()
        width = networks.width
        self.layers = nn.Sequential(
            nn.Linear(in_features, width),
            nn.BatchNorm1d(width, momentum=networks.norm_momentum),
            PReLU(),
            nn.Dropout(networks.dropout),
            BasicBlock(networks),
            BasicBlock(networks),
        )
        self.output = nn.Linear(width, out_features)

    def forward(self, rows: Tensor) -> Tensor:
        """(R, in_features) -> (R, out_features)."""
        return self.output(self.layers(rows))
