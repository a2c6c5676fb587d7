"""A transformer over variables that makes the vectors of B, after Gärtner et al. (2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import full_precision
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts, check_positive
from lsr1_pl.optim.classical.sr1 import identities, times
from lsr1_pl.optim.learned.features import MomentaState, MomentumFeatures
from lsr1_pl.optim.learned.mlp import scaled_direction, step_network
from lsr1_pl.optim.protocol import BatchedOptimizer

_FIRST_VECTORS = 0.1
"""What the initial weights of u's readouts are multiplied by."""


@dataclass(frozen=True)
class RankOneState(MomentaState):
    """The state of an optimiser with momenta and a B of its own."""

    preconditioner: Tensor
    """(B, N, N), the identity at the start."""


class RankOneTransformer(nn.Module, BatchedOptimizer):
    """``x_k = x_{k-1} - c B_k d``, ``B_k = B_{k-1} + sum_l u_l u_l^T / N``, B_0 = I.

    After Optimus (Transformer-Based Learned Optimization, Gärtner et al., 2023). From the paper:
    each variable is a token; L stacked encoders attend over variables, and each makes one
    positive rank-one update u u^T of a preconditioner B; beside them, a network of each variable
    alone makes direction and step size. Weights are shared by all variables, so that N is free,
    and B costs N^2 numbers. Ours, since it is not that paper's code: features and the branch of
    the direction are those of :class:`MomentumMLP` (the paper's are of that kind), layers are
    normalised before attention, updates are divided by N, and readouts of u start small. So it is
    no reproduction.

    Args:
        width: >= 1, of tokens, and of the two hidden layers of the direction's branch.
        heads: >= 1, of attention; they divide ``width``.
        layers: L >= 1, encoders, and updates of B at each step.
        decays: one for each momentum that is read, in [0, 1).
        second_decay: of the mean squared gradient, in [0, 1).
        learning_rate: c > 0.
        magnitude: > 0, the factor of the step size's logarithm.
        epsilon: > 0, added to mean squares before something is divided by their roots.

    Raises:
        UserError: a number is out of its range, ``heads`` do not divide ``width``, or there is no
            decay.
    """

    def __init__(
        self,
        width: int = 32,
        heads: int = 4,
        layers: int = 3,
        decays: Sequence[float] = (0.1, 0.5, 0.9, 0.99),
        second_decay: float = 0.99,
        learning_rate: float = 0.001,
        magnitude: float = 0.001,
        epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        check_counts(self, width=width, heads=heads, layers=layers)
        check_positive(self, learning_rate=learning_rate, magnitude=magnitude)
        if width % heads:
            raise UserError(
                f"RankOneTransformer heads is {heads}, width {width}; heads must divide width"
            )
        self.learning_rate = learning_rate
        self.magnitude = magnitude
        self.features = MomentumFeatures(self, decays, second_decay, epsilon)
        self.network = step_network(self.features.width, width)
        self.embedding = nn.Linear(self.features.width, width)
        self.encoders = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 2 * width, dropout=0.0, batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.readouts = nn.ModuleList(nn.Linear(width, 1) for _ in range(layers))
        with torch.no_grad():
            for parameter in self.readouts.parameters():
                parameter.mul_(_FIRST_VECTORS)

    def init(self, x: Tensor, evaluation: Evaluation) -> RankOneState:
        """State at ``x`` (B, N), with B = I and all means at zero."""
        momenta, second = self.features.first_memory(x)
        return RankOneState(
            x, evaluation, evaluation.gradient, None, momenta, second, 0, identities(x)
        )

    def step(self, state: RankOneState, objective: Objective) -> RankOneState:
        """L updates of B, then the step."""
        seen, momenta, second = self.features(state)
        # Under autocast the networks give bfloat16, which B must not be made in.
        vectors, outputs = (
            part.to(state.iterate) for part in (self._vectors(seen), self.network(seen))
        )
        with full_precision(vectors):
            preconditioner = state.preconditioner + vectors.mT @ vectors / seen.shape[1]
        direction = times(preconditioner, scaled_direction(outputs, self.magnitude))
        iterate = state.iterate - self.learning_rate * direction
        return RankOneState(
            iterate,
            objective.evaluate(iterate),
            direction,
            None,
            momenta,
            second,
            state.steps_taken + 1,
            preconditioner,
        )

    def _vectors(self, seen: Tensor) -> Tensor:
        """(B, L, N): one vector of each encoder, for features (B, N, F)."""
        tokens, vectors = self.embedding(seen), []
        for encoder, readout in zip(self.encoders, self.readouts, strict=True):
            tokens = encoder(tokens)
            vectors.append(readout(tokens).squeeze(2))
        return torch.stack(vectors, dim=1)
