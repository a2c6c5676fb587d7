"""AdaHessian (Yao et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_fraction, check_positive
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState


@dataclass(frozen=True)
class AdaHessianState(OptimizerState):
    """AdaHessian's state: both moments, each (B, N), and the number of steps taken."""

    first_moment: Tensor
    second_moment: Tensor
    steps_taken: int


class AdaHessian(BatchedOptimizer):
    """Adam whose second moment is of the Hessian's diagonal, by Hutchinson's estimate.

    ``diag(H) = E[z * (H z)]`` over random signs z, by Hessian-vector products; exact with one
    sample where H is diagonal. Variables are not averaged in blocks: they have no layout here.
    The signs are the same for every problem of a batch and depend on (``seed``, step) alone.

    Args:
        learning_rate: > 0.
        beta1: decay of the mean gradient.
        beta2: decay of the mean squared diagonal.
        epsilon: > 0, added to the denominator.
        hessian_power: k, in (0, 1]; the denominator is the root mean square diagonal to the k.
        samples: sign vectors a step, each one Hessian-vector product.
        seed: of the signs.
    """

    def __init__(
        self,
        learning_rate: float = 0.15,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-4,
        hessian_power: float = 1.0,
        samples: int = 1,
        seed: int = 0,
    ) -> None:
        check_positive(
            self,
            learning_rate=learning_rate,
            epsilon=epsilon,
            hessian_power=hessian_power,
            samples=samples,
        )
        check_fraction(self, beta1=beta1, beta2=beta2)
        if hessian_power > 1:
            raise UserError(f"AdaHessian hessian_power is {hessian_power}; it must be at most 1")
        self.learning_rate = learning_rate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.hessian_power = hessian_power
        self.samples = samples
        self.seed = seed

    def init(self, x: Tensor, evaluation: Evaluation) -> AdaHessianState:
        """State at ``x`` (B, N), with both moments at zero."""
        zeros = torch.zeros_like(x)
        none = torch.zeros_like(evaluation.value, dtype=torch.long)
        return AdaHessianState(
            x, evaluation, evaluation.gradient, None, zeros, zeros, 0, evaluations=none
        )

    def step(self, state: AdaHessianState, objective: Objective) -> AdaHessianState:
        """One bias-corrected step, of ``1 + samples`` gradients."""
        gradient, count = state.evaluation.gradient, state.steps_taken + 1
        diagonal = self.hessian_diagonal(state.iterate, objective, count)
        first = self.beta1 * state.first_moment + (1 - self.beta1) * gradient
        second = self.beta2 * state.second_moment + (1 - self.beta2) * diagonal.square()
        mean = first / (1 - self.beta1**count)
        rms = (second / (1 - self.beta2**count)).sqrt()
        direction = mean / (rms**self.hessian_power + self.epsilon)
        iterate = state.iterate - self.learning_rate * direction
        evaluation = objective.evaluate(iterate)
        return AdaHessianState(
            iterate,
            evaluation,
            direction,
            None,
            first,
            second,
            count,
            evaluations=torch.full_like(evaluation.value, 1 + self.samples, dtype=torch.long),
        )

    def hessian_diagonal(self, x: Tensor, objective: Objective, step: int) -> Tensor:
        """(B, N): Hutchinson's estimate of the Hessian's diagonal at ``x``."""
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % 2**63)
        signs = torch.randint(0, 2, (self.samples, x.shape[1]), generator=generator) * 2 - 1
        total = torch.zeros_like(x)
        for sign in signs.to(x, non_blocking=True):
            z = sign.expand_as(x)
            total = total + z * objective.hessian_vector_product(x, z)
        return total / self.samples
