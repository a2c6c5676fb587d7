"""Where the problems of a family are begun: at their mean solution, or where a network says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.checks import check_counts
from lsr1_pl.optim.family.network import ResidualNetwork
from lsr1_pl.optim.family.solved import Solved

_SMALL = 1e-4
"""Of the typical fall to a solution: values so near to it are told apart no more."""


class LearnedStart(nn.Module, ABC):
    """Says where problems are begun."""

    @abstractmethod
    def forward(self, x0: Tensor, features: Tensor) -> Tensor:
        """Starts (B, N) of problems, for the usual ones ``x0`` (B, N) and features (B, F)."""

    def measure(self, solved: Solved) -> None:
        """Take from solutions what needs no training."""


class TrainedStart(LearnedStart):
    """Has weights, which train on the objective itself."""

    @abstractmethod
    def loss(self, values: Tensor) -> Tensor:
        """What the weights train on, a scalar, of the values (B,) at the starts that they say."""


class FamilyStart(ABC):
    """A choice of start; it is a part of :class:`FamilyOptimizer`."""

    @abstractmethod
    def module(self, variables: int, features: int) -> LearnedStart:
        """The start of problems of so many variables, without knowledge yet."""


@dataclass(frozen=True)
class MeanSolution(FamilyStart):
    """Problems are begun at the mean of the solutions that the training saw."""

    def module(self, variables: int, features: int) -> LearnedStart:
        """A mean that is zero yet."""
        return _Mean(variables)


@dataclass(frozen=True)
class StartNetwork(FamilyStart):
    """Problems are begun where a network says, which reads their features.

    It trains on the objective itself, at the points that it says. What it says is added to the
    usual start, in units of how far solutions lie from there.

    Args:
        width: of every hidden layer.
        blocks: residual blocks of two layers each.

    Raises:
        UserError: a number is below 1.
    """

    width: int = 256
    blocks: int = 3

    def __post_init__(self) -> None:
        check_counts(self, width=self.width, blocks=self.blocks)

    def module(self, variables: int, features: int) -> LearnedStart:
        """The network, untrained: it begins at the usual starts.

        Raises:
            UserError: there are no features.
        """
        if features < 1:
            raise UserError("start is StartNetwork and features 0: take MeanSolution")
        return NetworkStart(ResidualNetwork(features, variables, self.width, self.blocks))


class _Mean(LearnedStart):
    mean: Tensor

    def __init__(self, variables: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(variables))

    def forward(self, x0: Tensor, features: Tensor) -> Tensor:
        return self.mean.to(x0).expand_as(x0)

    @torch.no_grad()
    def measure(self, solved: Solved) -> None:
        self.mean.copy_(solved.solution.mean(dim=0))


class NetworkStart(TrainedStart):
    """The usual start plus what a network says of features (B, F): (B, N)."""

    spread: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("spread", torch.ones(()))
        self.register_buffer("scale", torch.tensor([0.0, 1.0]))

    def forward(self, x0: Tensor, features: Tensor) -> Tensor:
        step: Tensor = self.network(features).to(x0)
        return x0 + self.spread.to(x0) * step

    def loss(self, values: Tensor) -> Tensor:
        """The mean of ``log(1 + (f - f_low) / c)``, in which a lost problem counts little more
        than another: f_low is the least value of any solution, c how their values vary."""
        low, typical = self.scale.to(values)
        return torch.log1p((values - low).relu() / typical).mean()

    @torch.no_grad()
    def measure(self, solved: Solved) -> None:
        self.spread.copy_((solved.solution - solved.start).square().mean().sqrt())
        low = solved.least.min()
        typical = (solved.least - low).median()
        fall = (solved.height - solved.least).median()
        self.scale.copy_(torch.stack([low, torch.maximum(typical, _SMALL * fall)]))
