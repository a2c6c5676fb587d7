"""The learning-enhanced BFGS of Castera and Ochs (2025)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lsr1_pl.ground.precision import full_precision
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_positive
from lsr1_pl.optim.classical.sr1 import identities, times
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState, select_rows

_FEATURES, _GROWTH = 3, 2
_FIRST_SHARE = 0.8
_LEAST_COSINE = 1e-10


@dataclass(frozen=True)
class LearnedBFGSState(OptimizerState):
    """The state of a learned BFGS: the last step, and the B that made it."""

    inverse_hessian: Tensor
    """(B, N, N) B; before the first step, the identity."""
    previous_step: Tensor
    """(B, N) p; before the first step, 0."""
    gradient_change: Tensor
    """(B, N) q; before the first step, 0."""
    steps_taken: int


class LearnedBFGS(nn.Module, BatchedOptimizer):
    """``x_k = x_{k-1} - c B g``, B updated along a learned vector v where BFGS takes the step p.

    From Learning to Optimize to Learning Optimization Algorithms (Castera and Ochs, 2025). With
    r = p - B q of the last step p and gradient change q, the update is
    ``B + (r v^T + v r^T) / (v . q) - (r . q) v v^T / (v . q)^2``: it meets the secant ``B q = p``
    for every v, and is BFGS for v = p. A network of each variable alone, and of means over all,
    makes v of ``B q``, ``p`` and ``-t B g``, t the share of the proposed step that was taken.
    It has no biases: v scales with what it reads. So the steps follow translations, permutations
    and changes of unit of the variables, and do not change with the unit of f; N is free. Untrained
    it is BFGS. The first B is 0.8 times the first pair's ``p . q / q . q``. All this is the
    paper's and its published code's, as are the 216 weights.

    Ours: the first pair is the half of the best gradient step by one Hessian-vector product, which
    counts as an evaluation (theirs is a step that needs the largest eigenvalue); an update
    without ``p . q > 0``, or with v at a right angle to q, is left out; and the meta-gradient
    flows through the features, too. Steps are not searched: guard them (``unroll: {safeguard:
    true}``).

    Args:
        learning_rate: c > 0.

    Raises:
        UserError: ``learning_rate`` is not above 0.
    """

    scaled = True

    def __init__(self, learning_rate: float = 1.0) -> None:
        super().__init__()
        check_positive(self, learning_rate=learning_rate)
        self.learning_rate = learning_rate
        wide = _GROWTH * _FEATURES
        self.of_means = nn.Sequential(
            nn.Linear(_FEATURES, wide, bias=False),
            nn.ReLU(),
            nn.Linear(wide, _GROWTH * wide, bias=False),
            nn.ReLU(),
            nn.Linear(_GROWTH * wide, _FEATURES, bias=False),
        )
        self.linear = nn.Linear(2 * _FEATURES, 1, bias=False)
        self.network = nn.Sequential(
            nn.Linear(2 * _FEATURES, 2 * wide, bias=False),
            nn.ReLU(),
            nn.Linear(2 * wide, 1, bias=False),
        )
        with torch.no_grad():
            self.linear.weight.zero_()
            self.linear.weight[:, 1] = 1
            for weight in self.network[-1].parameters():
                weight.zero_()

    def init(self, x: Tensor, evaluation: Evaluation) -> LearnedBFGSState:
        """State at ``x`` (B, N); the first pair needs the objective."""
        zeros = torch.zeros_like(x)
        return LearnedBFGSState(
            iterate=x,
            evaluation=evaluation,
            direction=evaluation.gradient,
            secant_residual=None,
            inverse_hessian=identities(x),
            previous_step=zeros,
            gradient_change=zeros,
            steps_taken=0,
            evaluations=torch.zeros_like(evaluation.value, dtype=torch.long),
        )

    def step(self, state: LearnedBFGSState, objective: Objective) -> LearnedBFGSState:
        """B updated by the last pair, then the step."""
        with full_precision(state.iterate):
            first = state.steps_taken == 0
            inverse = self._updated(self._probed(state, objective) if first else state)
            direction = times(inverse, state.evaluation.gradient)
            after = replace(
                state,
                direction=direction,
                inverse_hessian=inverse,
                steps_taken=state.steps_taken + 1,
                evaluations=torch.full_like(state.evaluation.value, 1 + first, dtype=torch.long),
            )
            iterate = state.iterate - self.learning_rate * direction
            return self.moved(state, after, iterate, objective.evaluate(iterate))

    def moved(
        self,
        before: LearnedBFGSState,
        after: LearnedBFGSState,
        iterate: Tensor,
        evaluation: Evaluation,
    ) -> LearnedBFGSState:
        """With p and q of the step that was taken."""
        return replace(
            after,
            iterate=iterate,
            evaluation=evaluation,
            previous_step=iterate - before.iterate,
            gradient_change=evaluation.gradient - before.evaluation.gradient,
        )

    def _probed(self, state: LearnedBFGSState, objective: Objective) -> LearnedBFGSState:
        """With the pair of half the best step along the gradient, as if it had been taken here."""
        gradient = state.evaluation.gradient
        product = objective.hessian_vector_product(state.iterate, gradient)
        curvature = (gradient * product).sum(dim=1).abs()
        length = 0.5 * _ratio(gradient.square().sum(dim=1), curvature).unsqueeze(1)
        p, q = -length * gradient, -length * product
        unit = _ratio((p * q).sum(dim=1).abs(), q.square().sum(dim=1))
        scale = (_FIRST_SHARE * unit).view(-1, 1, 1)
        return replace(
            state,
            direction=-p,
            inverse_hessian=scale * state.inverse_hessian,
            previous_step=p,
            gradient_change=q,
        )

    def _updated(self, state: LearnedBFGSState) -> Tensor:
        """(B, N, N): B of the next step, for the state after the last one."""
        B, p, q = state.inverse_hessian, state.previous_step, state.gradient_change
        Bq = times(B, q)
        taken = _ratio(p.detach().norm(dim=1), state.direction.detach().norm(dim=1)).unsqueeze(1)
        v = self._vector(Bq, p, -taken * times(B, state.evaluation.gradient))
        r, product = p - Bq, (v * q).sum(dim=1)
        sound = _above((p * q).sum(dim=1), p, q) & _above(product.abs(), v, q)
        way = v / torch.where(sound, product, torch.ones_like(product)).unsqueeze(1)
        cross = r.unsqueeze(2) * way.unsqueeze(1)
        left = (r * q).sum(dim=1).view(-1, 1, 1)
        change = cross + cross.mT - left * way.unsqueeze(2) * way.unsqueeze(1)
        return select_rows(sound, B + change, B)

    def _vector(self, *features: Tensor) -> Tensor:
        """(B, N): v, for what it is made of, each (B, N)."""
        own = torch.stack(features, dim=2)
        means = self.of_means(own).mean(dim=1, keepdim=True).expand_as(own)
        seen = torch.cat([own, means], dim=2)
        v: Tensor = self.linear(seen) + self.network(seen)
        return v.squeeze(2)


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    """(B,): ``above / below``, and 1 where ``below`` is not above 0."""
    sound = below > 0
    one = torch.ones_like(below)
    return torch.where(sound, above / torch.where(sound, below, one), one)


def _above(product: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """(B,) bool: whether ``product`` is above 0, beyond rounding, for vectors (B, N) like these."""
    return product > _LEAST_COSINE * one.norm(dim=1) * other.norm(dim=1)
