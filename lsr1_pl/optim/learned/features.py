"""What elementwise learned optimisers read of each variable, and what they remember for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.checks import check_fraction, check_positive
from lsr1_pl.optim.protocol import OptimizerState

_TIME_SCALES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
_OWN = 4


@dataclass(frozen=True)
class MomentaState(OptimizerState):
    """The state of an optimiser that remembers running means of the gradient."""

    momenta: Tensor
    """(B, N, D), one for each decay."""
    second_moment: Tensor
    """(B, N), of the gradient's square."""
    steps_taken: int


class MomentumFeatures(nn.Module):
    """Numbers of order one for each variable: point, gradient, momenta, second moment, time.

    The point, the gradient, one over the root of the second moment, the gradient over that root,
    and the momenta stand over their root mean squares in the problem. The step's number k enters
    as ``tanh(k / t - 1)``, for seven t from 1 to 1,000. It has no weights.

    Args:
        owner: whose name messages say.
        decays: one for each momentum, in [0, 1).
        second_decay: of the second moment, in [0, 1).
        epsilon: > 0, added to mean squares before something is divided by their roots: what is
            well below its root stays small.

    Raises:
        UserError: a number is out of its range, or there is no decay.
    """

    momentum_decays: Tensor
    time_scales: Tensor

    def __init__(
        self, owner: object, decays: Sequence[float], second_decay: float, epsilon: float
    ) -> None:
        super().__init__()
        if not decays:
            name = type(owner).__name__
            raise UserError(f"{name} decays is empty; expected one number at least")
        for decay in decays:
            check_fraction(owner, decays=decay)
        check_fraction(owner, second_decay=second_decay)
        check_positive(owner, epsilon=epsilon)
        self.second_decay = second_decay
        self.epsilon = epsilon
        self.register_buffer("momentum_decays", torch.tensor(list(decays)), persistent=False)
        self.register_buffer("time_scales", torch.tensor(_TIME_SCALES), persistent=False)
        self.width = _OWN + len(decays) + len(_TIME_SCALES)
        """How many numbers a variable has."""

    def first_memory(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Momenta (B, N, D) and second moment (B, N) at start points ``x`` (B, N): zero."""
        return x.new_zeros(*x.shape, len(self.momentum_decays)), torch.zeros_like(x)

    def forward(self, state: MomentaState) -> tuple[Tensor, Tensor, Tensor]:
        """The features (B, N, width) for the next step, its momenta and its second moment."""
        gradient, decays = state.evaluation.gradient, self.momentum_decays
        momenta = decays * state.momenta + (1 - decays) * gradient.unsqueeze(2)
        second = torch.lerp(gradient.square(), state.second_moment, self.second_decay)
        inverse = (second + self.epsilon).rsqrt()
        own = torch.stack([state.iterate, gradient, inverse, gradient * inverse], dim=2)
        sized = unit_rms(torch.cat([own, momenta], dim=2), self.epsilon)
        time = torch.tanh(state.steps_taken / self.time_scales - 1)
        return torch.cat([sized, time.expand(*gradient.shape, -1)], dim=2), momenta, second


def unit_rms(features: Tensor, epsilon: float) -> Tensor:
    """Features (B, N, F), each over its root mean square in the problem's N variables.

    ``epsilon`` is added to the mean square.
    """
    mean_square = features.square().mean(dim=1, keepdim=True)
    return features * (mean_square + epsilon).rsqrt()
