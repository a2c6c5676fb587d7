"""The elementwise network on gradients and momenta of Metz et al. (2019, 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts, check_fraction, check_positive
from lsr1_pl.optim.learned.features import TIME_SCALES, running_means, time_features, unit_rms
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


@dataclass(frozen=True)
class MomentaState(OptimizerState):
    """Running means of the gradient (B, N, D), of its square (B, N), and the steps taken."""

    momenta: Tensor
    second_moment: Tensor
    steps_taken: int


class MomentumMLP(nn.Module, BatchedOptimizer):
    """``x_k = x_{k-1} - c d exp(s m)``, d and m of a small network that reads one variable.

    The per-parameter network of Metz et al. (2019 and 2020): two hidden layers of 32 read the
    variable, its gradient and momenta of several decays, each over its root mean square within
    the problem, and ``tanh(k / t - 1)`` of the step's number k. One output is a direction, the
    other the logarithm of a magnitude. Weights are shared by all variables, so that N is free.
    They take c = s = 0.001, for thousands of steps; tens of steps need more. The inverse root
    of the second moment, and the gradient over that root, are read beside it, as in their later
    networks. Time scales end at 1,000 steps here; theirs at 100,000.

    Args:
        width: >= 1, of the two hidden layers.
        decays: one for each momentum, in [0, 1).
        second_decay: of the mean squared gradient, in [0, 1).
        learning_rate: c > 0.
        magnitude: s > 0.
        epsilon: > 0, added to mean squares before something is divided by their roots.

    Raises:
        UserError: a number is out of its range, or there is no decay.
    """

    momentum_decays: Tensor
    time_scales: Tensor

    def __init__(
        self,
        width: int = 32,
        decays: Sequence[float] = (0.1, 0.5, 0.9, 0.99),
        second_decay: float = 0.99,
        learning_rate: float = 0.001,
        magnitude: float = 0.001,
        epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        check_counts(self, width=width)
        check_positive(self, learning_rate=learning_rate, magnitude=magnitude, epsilon=epsilon)
        check_fraction(self, second_decay=second_decay)
        checked_decays(self, decays)
        self.second_decay = second_decay
        self.learning_rate = learning_rate
        self.magnitude = magnitude
        self.epsilon = epsilon
        self.register_buffer("momentum_decays", torch.tensor(list(decays)), persistent=False)
        self.register_buffer("time_scales", torch.tensor(TIME_SCALES), persistent=False)
        self.network = nn.Sequential(
            nn.Linear(4 + len(decays) + len(TIME_SCALES), width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 2),
        )

    def init(self, x: Tensor, evaluation: Evaluation) -> MomentaState:
        """State at ``x`` (B, N), with all means at zero."""
        momenta = x.new_zeros(*x.shape, len(self.momentum_decays))
        return MomentaState(
            x, evaluation, evaluation.gradient, None, momenta, torch.zeros_like(x), 0
        )

    def step(self, state: MomentaState, objective: Objective) -> MomentaState:
        """One pass of every variable through the network."""
        gradient = state.evaluation.gradient
        momenta = running_means(gradient, state.momenta, self.momentum_decays)
        second = torch.lerp(gradient.square(), state.second_moment, self.second_decay)
        seen = self._seen(state, gradient, momenta, second)
        direction, magnitude = self.network(seen).unbind(dim=2)
        direction = direction * (self.magnitude * magnitude).exp()
        iterate = state.iterate - self.learning_rate * direction
        return MomentaState(
            iterate,
            objective.evaluate(iterate),
            direction,
            None,
            momenta,
            second,
            state.steps_taken + 1,
        )

    def _seen(
        self, state: MomentaState, gradient: Tensor, momenta: Tensor, second: Tensor
    ) -> Tensor:
        inverse = (second + self.epsilon).rsqrt()
        own = torch.stack([state.iterate, gradient, inverse, gradient * inverse], dim=2)
        sized = unit_rms(torch.cat([own, momenta], dim=2), self.epsilon)
        return torch.cat(
            [sized, time_features(state.steps_taken, self.time_scales, gradient)], dim=2
        )


def checked_decays(owner: Any, decays: Sequence[float]) -> None:
    """Raises a UserError unless there is a decay and all lie in [0, 1)."""
    if not decays:
        raise UserError(f"{type(owner).__name__} decays is empty; expected one number at least")
    for decay in decays:
        check_fraction(owner, decays=decay)
