"""The elementwise network on gradients and momenta of Metz et al. (2019, 2020)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts, check_positive
from lsr1_pl.optim.learned.features import MomentaState, MomentumFeatures
from lsr1_pl.optim.protocol import BatchedOptimizer


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
        check_positive(self, learning_rate=learning_rate, magnitude=magnitude)
        self.learning_rate = learning_rate
        self.magnitude = magnitude
        self.features = MomentumFeatures(self, decays, second_decay, epsilon)
        self.network = step_network(self.features.width, width)

    def init(self, x: Tensor, evaluation: Evaluation) -> MomentaState:
        """State at ``x`` (B, N), with all means at zero."""
        momenta, second = self.features.first_memory(x)
        return MomentaState(x, evaluation, evaluation.gradient, None, momenta, second, 0)

    def step(self, state: MomentaState, objective: Objective) -> MomentaState:
        """One pass of every variable through the network."""
        seen, momenta, second = self.features(state)
        direction = scaled_direction(self.network(seen).to(state.iterate), self.magnitude)
        iterate = state.iterate - self.learning_rate * direction
        evaluation = objective.evaluate(iterate)
        count = state.steps_taken + 1
        return MomentaState(iterate, evaluation, direction, None, momenta, second, count)


def step_network(features: int, width: int) -> nn.Sequential:
    """Two hidden layers, and two outputs: a direction and the logarithm of a magnitude."""
    return nn.Sequential(
        nn.Linear(features, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, 2),
    )


def scaled_direction(outputs: Tensor, magnitude: float) -> Tensor:
    """(B, N): ``d exp(magnitude m)`` of the two outputs (B, N, 2) of :func:`step_network`."""
    direction, logarithm = outputs.unbind(dim=2)
    return direction * (magnitude * logarithm).exp()
