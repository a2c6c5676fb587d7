"""The coordinatewise LSTM of Andrychowicz et al. (2016)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts, check_positive
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState

_LAYERS = 2
_MOST_PREPROCESSING = 80.0
"""Beyond it exp(-p) is no number of single precision."""


@dataclass(frozen=True)
class LSTMState(OptimizerState):
    """What the LSTM remembers of each variable: (B, N, 2, H), the layers in the third place."""

    hidden: Tensor
    cell: Tensor


class CoordinatewiseLSTM(nn.Module, BatchedOptimizer):
    """``x_k = x_{k-1} + c o``, o the output of an LSTM that reads the variable's own gradients.

    Learning to learn by gradient descent by gradient descent (Andrychowicz et al., 2016): two
    layers of 20 units, with weights that all variables share and a memory that each has of its
    own, so that N is free. A gradient enters as two numbers of order one, as their Appendix A
    has it: ``(log|g| / p, sign g)`` where ``|g| >= exp(-p)``, and ``(-1, exp(p) g)`` below. They
    train without second derivatives (``unroll: {second_order: false}``). That c is 0.1 is ours.

    Args:
        hidden_dim: H >= 1, units of each of the two layers.
        preprocessing: p, above 0 and at most 80.
        learning_rate: c > 0, the constant by which outputs are scaled.

    Raises:
        UserError: a number is out of its range.
    """

    def __init__(
        self, hidden_dim: int = 20, preprocessing: float = 10.0, learning_rate: float = 0.1
    ) -> None:
        super().__init__()
        check_counts(self, hidden_dim=hidden_dim)
        check_positive(self, preprocessing=preprocessing, learning_rate=learning_rate)
        if preprocessing > _MOST_PREPROCESSING:
            raise UserError(
                f"CoordinatewiseLSTM preprocessing is {preprocessing}; it must be at most "
                f"{_MOST_PREPROCESSING:g}"
            )
        self.hidden_dim = hidden_dim
        self.preprocessing = preprocessing
        self.learning_rate = learning_rate
        self.cells = nn.ModuleList(
            nn.LSTMCell(2 if layer == 0 else hidden_dim, hidden_dim) for layer in range(_LAYERS)
        )
        self.output = nn.Linear(hidden_dim, 1)

    def init(self, x: Tensor, evaluation: Evaluation) -> LSTMState:
        """State at ``x`` (B, N), with an empty memory."""
        zeros = x.new_zeros(*x.shape, _LAYERS, self.hidden_dim)
        return LSTMState(x, evaluation, evaluation.gradient, None, zeros, zeros)

    def step(self, state: LSTMState, objective: Objective) -> LSTMState:
        """One pass of every variable through the LSTM."""
        gradient = state.evaluation.gradient
        signal = preprocessed(gradient, self.preprocessing).flatten(0, 1)
        hidden, cell = [], []
        for layer, unit in enumerate(self.cells):
            before = (
                state.hidden[:, :, layer].flatten(0, 1),
                state.cell[:, :, layer].flatten(0, 1),
            )
            signal, kept = unit(signal, before)
            hidden.append(signal.view(*gradient.shape, -1))
            cell.append(kept.view(*gradient.shape, -1))
        direction = -self.output(signal).to(gradient).view_as(gradient)
        iterate = state.iterate - self.learning_rate * direction
        return LSTMState(
            iterate,
            objective.evaluate(iterate),
            direction,
            None,
            torch.stack(hidden, dim=2).to(gradient),
            torch.stack(cell, dim=2).to(gradient),
        )


def preprocessed(gradient: Tensor, p: float) -> Tensor:
    """(B, N, 2): the two numbers of Appendix A for each component of a gradient (B, N)."""
    least = math.exp(-p)
    size = gradient.abs()
    large = size >= least
    # The logarithm's slope at 0 is infinite, also where another branch is taken.
    log = torch.where(large, size.clamp_min(least).log() / p, -torch.ones_like(size))
    # NaN is not large, and stays NaN here.
    sign = torch.where(large, gradient.sign(), gradient / least)
    return torch.stack([log, sign], dim=2)
