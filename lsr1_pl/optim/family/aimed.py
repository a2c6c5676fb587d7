"""L-SR1 whose vectors are aimed by a network that reads which problem it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts, check_fraction
from lsr1_pl.optim.family.network import ResidualNetwork
from lsr1_pl.optim.lsr1 import AimedLSR1, Standing
from lsr1_pl.optim.protocol import BatchedOptimizer, SecantState

_TINY = 1e-30


class FeatureAimedLSR1(nn.Module, BatchedOptimizer):
    """:class:`lsr1_pl.optim.AimedLSR1` whose proposals come from a dense network.

    The network reads the features of the problem, the gradient in units of its root mean square,
    the logarithm of that, the way from the start, and the step that earlier vectors make. What it
    says, in units of the gradient, is added to ``-rate g``. It is meant to stand in a
    :class:`FamilyOptimizer` with a metric, in whose coordinates ``-g`` is nearly the way to the
    minimum.

    Args:
        variables: N, at least 1.
        features: F, at least 0.
        width: of every hidden layer.
        blocks: residual blocks of two layers each.
        buffer_size: L >= 1, how many vectors B keeps.
        rate: what is proposed where the network is silent; above 0.
        least_cosine: in [0, 1); see :class:`lsr1_pl.optim.AimedLSR1`.

    Raises:
        UserError: a number is out of its range.
    """

    def __init__(
        self,
        variables: int,
        features: int = 0,
        width: int = 128,
        blocks: int = 2,
        buffer_size: int = 4,
        rate: float = 0.5,
        least_cosine: float = 0.1,
    ) -> None:
        super().__init__()
        check_counts(self, variables=variables, width=width, blocks=blocks, buffer_size=buffer_size)
        check_fraction(self, least_cosine=least_cosine)
        if features < 0 or not rate > 0:
            raise UserError(
                f"FeatureAimedLSR1 features is {features} and rate {rate}; expected 0 or more, "
                "and above 0"
            )
        self.variables, self.features, self.rate = variables, features, rate
        self.buffer_size, self.least_cosine = buffer_size, least_cosine
        self.network = ResidualNetwork(features + 3 * variables + 1, variables, width, blocks)

    def knowing(self, features: Tensor | None) -> BatchedOptimizer:
        """The optimiser of the problems with these features (B, F).

        Raises:
            UserError: they are missing, or of another F.
        """
        given = None if features is None else tuple(features.shape)
        if features is not None and features.ndim == 2 and features.shape[1] == self.features:
            return self._aimed(features)
        if features is None and not self.features:
            return self._aimed(None)
        raise UserError(f"FeatureAimedLSR1 was made for features (B, {self.features}); got {given}")

    def init(self, x: Tensor, evaluation: Evaluation) -> SecantState:
        """State at ``x`` (B, N) of problems without features."""
        return self._without().init(x, evaluation)

    def step(self, state: SecantState, objective: Objective) -> SecantState:
        """One step of problems without features."""
        return self._without().step(state, objective)

    def moved(
        self, before: SecantState, after: SecantState, iterate: Tensor, evaluation: Evaluation
    ) -> SecantState:
        """With p and q of the step that was taken."""
        return self._without().moved(before, after, iterate, evaluation)

    def skeleton(self) -> BatchedOptimizer:
        """L-SR1 aimed along ``-rate g``, without the network."""
        return AimedLSR1(self._silent, self.buffer_size, self.least_cosine)

    def _without(self) -> AimedLSR1:
        if self.features:
            raise UserError(
                f"FeatureAimedLSR1 reads {self.features} features a problem: give them by knowing()"
            )
        return self._aimed(None)

    def _silent(self, standing: Standing) -> Tensor:
        return -self.rate * standing.state.evaluation.gradient

    def _aimed(self, features: Tensor | None) -> AimedLSR1:
        def propose(standing: Standing) -> Tensor:
            x, gradient = standing.state.iterate, standing.state.evaluation.gradient.detach()
            if x.shape[1] != self.variables:
                raise UserError(
                    f"FeatureAimedLSR1 was made for {self.variables} variables; the problem has "
                    f"{x.shape[1]}"
                )
            size = gradient.square().mean(dim=1, keepdim=True).sqrt().clamp_min(_TINY)
            known = x.new_zeros(len(x), 0) if features is None else features.to(x)
            read: list[Any] = [
                known.expand(len(x), -1),
                gradient / size,
                0.2 * size.log(),
                (x.detach() / (1 + x.detach().abs())),
                (standing.remembered.detach() / size).clamp(-4, 4),
            ]
            said: Tensor = self.network(torch.cat(read, dim=1))
            return self._silent(standing) + size * said

        return AimedLSR1(propose, self.buffer_size, self.least_cosine)
