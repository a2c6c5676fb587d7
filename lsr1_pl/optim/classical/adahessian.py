"""AdaHessian (Yao et al., 2021), without its spatial averaging."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.errors import UserError
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState
from lsr1_pl.types import Evaluation, Objective


@dataclass(frozen=True)
class AdaHessianState(OptimizerState):
    """AdaHessian's state: each tensor (B, N), and the number of steps taken."""

    first_moment: Tensor
    """Running mean of the gradients."""
    second_moment: Tensor
    """Running mean of the squared curvatures."""
    curvature: Tensor
    """The last step's estimate of the Hessian's diagonal; 0 before the first."""
    steps_taken: int


class AdaHessian(BatchedOptimizer):
    """Adam with the Hessian's diagonal in the place of the gradient in the second moment.

    The diagonal is Hutchinson's estimate, the mean of ``z * H z`` over Rademacher vectors z: exact
    where H is diagonal. A step takes 1 + ``samples`` evaluations.

    Args:
        hessian_power: exponent of the root of the second moment, in (0, 1].
        samples: vectors a step.
        seed: of the vectors, which follow from it and the step's number alone; every problem of
            a batch meets the same ones.
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
        if not learning_rate > 0:
            raise UserError(f"AdaHessian learning_rate is {learning_rate}; it must be above 0")
        for name, beta in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= beta < 1:
                raise UserError(f"AdaHessian {name} is {beta}; it must lie in [0, 1)")
        if not epsilon >= 0:
            raise UserError(f"AdaHessian epsilon is {epsilon}; it must be 0 or more")
        if not 0 < hessian_power <= 1:
            raise UserError(f"AdaHessian hessian_power is {hessian_power}; it must lie in (0, 1]")
        if samples < 1:
            raise UserError(f"AdaHessian samples is {samples}; it must be 1 or more")
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
        evaluations = torch.zeros(len(x), dtype=torch.long, device=x.device)
        return AdaHessianState(
            x,
            evaluation,
            evaluation.gradient,
            None,
            zeros,
            zeros,
            zeros,
            0,
            evaluations=evaluations,
        )

    def step(self, state: AdaHessianState, objective: Objective) -> AdaHessianState:
        """One bias-corrected step."""
        count = state.steps_taken + 1
        curvature = self._curvature(state.iterate, objective, count)
        first = self.beta1 * state.first_moment + (1 - self.beta1) * state.evaluation.gradient
        second = self.beta2 * state.second_moment + (1 - self.beta2) * curvature.square()
        mean = first / (1 - self.beta1**count)
        scale = (second / (1 - self.beta2**count)) ** (self.hessian_power / 2)
        direction = mean / (scale + self.epsilon)
        iterate = state.iterate - self.learning_rate * direction
        evaluations = torch.full(
            (len(iterate),), 1 + self.samples, dtype=torch.long, device=iterate.device
        )
        return AdaHessianState(
            iterate,
            objective.evaluate(iterate),
            direction,
            None,
            first,
            second,
            curvature,
            count,
            evaluations=evaluations,
        )

    def _curvature(self, x: Tensor, objective: Objective, count: int) -> Tensor:
        """(B, N) Hutchinson's estimate at ``x`` (B, N)."""
        # Torch seeds its CPU generator with 32 bits: they must depend on both numbers. On the CPU,
        # so that every device draws the same vectors.
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + count) % 2**32)
        signs = torch.randint(0, 2, (self.samples, x.shape[1]), generator=generator) * 2 - 1
        total = torch.zeros_like(x)
        for vector in signs.to(x):
            total = total + vector * objective.hessian_vector_product(x, vector.expand_as(x))
        return total / self.samples
