"""L-SR1 on raw secant pairs: a quasi-Newton skeleton that needs no scale, and learned scalars."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lsr1_pl.ground.precision import full_precision
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts
from lsr1_pl.optim.line_search import LineStep, armijo
from lsr1_pl.optim.pairs.secant_pairs import SecantPairs, SplitProduct
from lsr1_pl.optim.protocol import (
    BatchedOptimizer,
    OptimizerState,
    alike,
    all_finite,
    select_rows,
)

_FEATURES, _OUTPUTS = 9, 3
_FEATURE_LIMIT = 4.0
_RANGE = math.log(8.0)
"""Largest logarithm of what a learned scalar multiplies its part of the skeleton by."""
_ASYMMETRY = 0.1
"""|p_i . q_j - p_j . q_i| of two pairs scaled to p . q = 1, at which half of them is trusted."""
_FEW, _MANY_PAIRS_POWER = 8, 1.5
"""With n pairs, more than 8, it is ``(8 / n)^1.5`` times that: what n pairs disagree in adds up."""
_FASTEST_GROWTH = 10.0
_FARTHEST = 1e3
"""A first step this many times as long as the point itself is not believed."""
_MISLED = 1e-4
"""A step cut to this share of its first trial says that B was wrong."""
_ROUNDING = 1e3
"""An unknown part of the gradient below so many units of its rounding tells nothing."""
_STRIDE = 2.0
"""Growth of gamma where no curvature was found and the whole step was taken."""


@dataclass(frozen=True)
class PairLSR1State(OptimizerState):
    """The pairs, and what the last steps say of scale and of how quadratic the function is."""

    pairs: SecantPairs
    gamma: Tensor
    """(B,) B0's factor at the last step."""
    optimal_gamma: Tensor
    """(B,) what it should have been: the minimiser along the unknown part, by the step's secant."""
    secant_gamma: Tensor
    """(B,) ``p . q / q . q`` of the newest pair."""
    gradient_ratio: Tensor
    """(B,) |g| over that of the step before."""
    fall: Tensor
    """(B,) |g| over that of the start."""
    length: Tensor
    """(B,) the share of the last proposed step that was taken."""
    steps_taken: int


class PairLSR1(nn.Module, BatchedOptimizer):
    """``x_k = x_{k-1} - t_k B_k g``, B of the last L raw pairs, B0 and their weights learned.

    The skeleton: pairs are made conjugate, as far as they agree on one Hessian (they are trusted
    by ``1 / (1 + (asymmetry / delta)^2)``, delta = 0.1, and less where more than 8 pairs may
    disagree), so that on quadratics B keeps every stored secant; where they disagree B is
    L-BFGS's. B0 = gamma I, with gamma the best step along the part of the
    gradient that no pair knows, as the last step found it, at most twice the newest pair's
    ``p . q / q . q``. The first pair is a Hessian-vector product along the gradient, which counts
    as one evaluation. Steps are safeguarded by Armijo's condition: the value never rises.

    A small network reads nine numbers of a problem and corrects three: gamma, the trust in
    pairs, the first trial of a step. Its last layer starts at zero, that is at the skeleton. The
    same function times c, or of x times c, gives the same steps: nothing that is read has a unit.

    Args:
        buffer_size: L >= 1; may be changed after training.
        hidden_dim: width of the network's two layers.
    """

    scaled = True

    def __init__(self, buffer_size: int = 8, hidden_dim: int = 16) -> None:
        super().__init__()
        check_counts(self, buffer_size=buffer_size, hidden_dim=hidden_dim)
        self.buffer_size = buffer_size
        self.learning_rate = 1.0
        """A factor on the first trial of each step."""
        self.hidden = nn.Sequential(
            nn.Linear(_FEATURES, hidden_dim),
            nn.Tanh(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.Tanh(),
        )
        self.output = nn.Linear(hidden_dim, _OUTPUTS)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def with_buffer_size(self, buffer_size: int) -> PairLSR1:
        """The same trained network (shared, not copied) with another L."""
        check_counts(self, buffer_size=buffer_size)
        other = copy.copy(self)
        other.buffer_size = buffer_size
        return other

    def skeleton(self) -> PairLSR1:
        """The same optimiser without what it has learned."""
        plain = PairLSR1(self.buffer_size, hidden_dim=1)
        return plain.to(self.output.weight).eval()

    def init(self, x: Tensor, evaluation: Evaluation) -> PairLSR1State:
        """State at ``x`` (B, N), without pairs: the first one needs the objective."""
        one = torch.ones_like(evaluation.value)
        return PairLSR1State(
            iterate=x,
            evaluation=evaluation,
            direction=evaluation.gradient,
            secant_residual=None,
            pairs=SecantPairs.empty(x, self.buffer_size),
            gamma=one,
            optimal_gamma=one,
            secant_gamma=one,
            gradient_ratio=one,
            fall=one,
            length=one,
            steps_taken=0,
            evaluations=torch.zeros_like(one, dtype=torch.long),
            guarded=torch.zeros_like(one, dtype=torch.bool),
        )

    def step(self, state: PairLSR1State, objective: Objective) -> PairLSR1State:
        """Direction, safeguarded step, new pair; conjugacy needs the tensors' whole precision."""
        with full_precision(state.iterate):
            return self._step(state, objective)

    def _step(self, state: PairLSR1State, objective: Objective) -> PairLSR1State:
        extra = 0
        if state.steps_taken == 0:
            state, extra = self._probed(state, objective), 1
        reduced = self._reduced(state)
        gradient = reduced.evaluation.gradient
        # Those before hold nothing yet.
        pairs = reduced.pairs.newest(min(state.steps_taken + 1, self.buffer_size))
        products = pairs.products()
        asymmetry = (products - products.mT).abs()
        output = _RANGE * torch.tanh(self._read(state, asymmetry))
        factors = output.exp()
        half_trusted = _half_trusted(pairs.steps.shape[1]) * factors[:, 1, None, None]
        trust = 1 / (1 + (asymmetry / half_trusted).square())
        split = pairs.conjugated(products, trust).split_product(gradient)
        gamma = torch.minimum(state.optimal_gamma, 2 * state.secant_gamma) * factors[:, 0]
        direction = torch.addcmul(split.known, gamma.unsqueeze(1), split.unknown)
        sound = ((direction * gradient).sum(dim=1) > 0) & all_finite(direction)
        direction = select_rows(sound, direction, gamma.unsqueeze(1) * gradient)
        trial = self.learning_rate * factors[:, 2].sqrt()
        line = self._search(objective, reduced, direction, trial)
        return self._following(state, split, gamma, direction, line, line.length / trial, extra)

    def _reduced(self, state: PairLSR1State) -> PairLSR1State:
        """The state of the variables that may move: all."""
        return state

    def _search(
        self, objective: Objective, state: PairLSR1State, direction: Tensor, trial: Tensor
    ) -> LineStep:
        return armijo(objective, state.iterate, state.evaluation, -direction, trial)

    def _probed(self, state: PairLSR1State, objective: Objective) -> PairLSR1State:
        """With the curvature along the first gradient."""
        gradient = self._reduced(state).evaluation.gradient
        # A power of two: the product neither overflows nor rounds differently.
        exponent = torch.frexp(gradient.detach().abs().amax(dim=1)).exponent
        along = gradient * torch.ldexp(torch.ones_like(state.gamma), -exponent).unsqueeze(1)
        product = objective.hessian_vector_product(state.iterate, along)
        square, curvature = along.square().sum(dim=1), (along * product).sum(dim=1)
        near = _near(state)
        gamma = _ratio(square, curvature.abs(), near)
        # Where there is next to no curvature, its minimum is far beyond where it was measured.
        flat = gamma > _FARTHEST * near
        gamma = torch.where(flat, near, gamma)
        secant = _ratio(curvature, product.square().sum(dim=1), gamma)
        pairs = state.pairs.push(along, product).forgotten(flat)
        return replace(state, pairs=pairs, gamma=gamma, optimal_gamma=gamma, secant_gamma=secant)

    def _read(self, state: PairLSR1State, asymmetry: Tensor) -> Tensor:
        """(B, 3): the network's output for features without units, of order one, detached."""
        newest = asymmetry[:, -1, -2] if asymmetry.shape[1] > 1 else torch.zeros_like(state.length)
        count = min(state.steps_taken + 1, self.buffer_size)
        size = state.iterate.shape[1]
        of_memory = (count / 8, min(state.steps_taken + 1, size) / size)
        positive = torch.stack(
            [
                state.optimal_gamma / state.gamma,
                state.secant_gamma / state.gamma,
                state.gradient_ratio,
                state.fall,
                newest + 1e-6,
                asymmetry.amax(dim=(1, 2)) + 1e-6,
                state.length,
            ],
            dim=1,
        )
        logs = positive.detach().clamp(1e-12, 1e12).log()
        pairs, dimensions = (torch.full_like(logs[:, :1], each) for each in of_memory)
        features = torch.cat([logs[:, :3], logs[:, 3:6] / 5, logs[:, 6:], pairs, dimensions], dim=1)
        limited = features.clamp(-_FEATURE_LIMIT, _FEATURE_LIMIT).nan_to_num()
        output: Tensor = self.output(self.hidden(limited.to(self.output.weight.dtype)))
        return output.to(features.dtype)

    def _following(
        self,
        state: PairLSR1State,
        split: SplitProduct,
        gamma: Tensor,
        direction: Tensor,
        line: LineStep,
        share: Tensor,
        extra: int,
    ) -> PairLSR1State:
        """The state after the step, with what it found; ``share`` (B,) of its first trial."""
        uncut = share >= 1
        stopped = line.length <= 0
        gradient, later = state.evaluation.gradient, line.evaluation.gradient
        p, q = line.iterate - state.iterate, later - gradient
        old = _norm(gradient)
        # q = -t H (known + gamma unknown); where H is constant, H known is orthogonal to unknown.
        along, across = _dot(split.unknown, gradient), -_dot(split.unknown, q)
        curvature = across / (line.length.clamp_min(1e-30) * gamma)
        otherwise = torch.where(uncut, _STRIDE * gamma, line.length * gamma)
        optimal, secant, taken, ratio = _ratio(
            torch.stack([along, _dot(p, q), _norm(p), _norm(later)]),
            torch.stack([curvature, _dot(q, q), old, old]),
            torch.stack([otherwise, otherwise, gamma, torch.ones_like(old)]),
        )
        noise = _ROUNDING * torch.finfo(old.dtype).eps * old
        optimal = torch.where(_norm(split.unknown) > noise, optimal, otherwise)
        optimal = torch.minimum(optimal, _FASTEST_GROWTH * gamma)
        secant = torch.where(stopped, state.secant_gamma, secant)
        # Next to no curvature: neither old pairs nor this one tell how long a step may be.
        misled = ~stopped & (share < _MISLED)
        forgotten = stopped | misled
        if alike(forgotten) is not False:
            optimal = torch.where(stopped, 0.1 * gamma, optimal)
            optimal = torch.where(misled, _STRIDE * taken, optimal)
            secant = torch.where(misled, _STRIDE * taken, secant)
        return PairLSR1State(
            iterate=line.iterate,
            evaluation=line.evaluation,
            direction=direction,
            secant_residual=None,
            pairs=state.pairs.push(p, q).forgotten(forgotten),
            gamma=gamma,
            optimal_gamma=optimal,
            secant_gamma=secant,
            gradient_ratio=ratio,
            fall=state.fall * ratio,
            length=line.length,
            steps_taken=state.steps_taken + 1,
            evaluations=line.evaluations + extra,
            guarded=~uncut,
        )


def _half_trusted(pairs: int) -> float:
    """The asymmetry at which half of a pair is trusted, among so many."""
    return _ASYMMETRY * min(1.0, _FEW / pairs) ** _MANY_PAIRS_POWER


def _near(state: PairLSR1State) -> Tensor:
    """(B,) gamma of a first step as long as the point, or as ``|f| / |g|`` if that is longer."""
    value, gradient = (each.detach() for each in state.evaluation)
    slope = _norm(gradient)
    length = torch.maximum(_norm(state.iterate.detach()), value.abs() / slope)
    unit = 1 / gradient.abs().sum(dim=1).clamp_min(1.0)
    return _ratio(length, slope, unit)


def _ratio(numerator: Tensor, denominator: Tensor, otherwise: Tensor) -> Tensor:
    """Where both are positive, else ``otherwise``."""
    sound = (numerator > 0) & (denominator > 0)
    quotient = numerator / torch.where(sound, denominator, 1)
    return torch.where(sound & quotient.isfinite(), quotient, otherwise)


def _norm(rows: Tensor) -> Tensor:
    """(B,) of (B, N)."""
    return torch.linalg.vector_norm(rows, dim=1)


def _dot(rows: Tensor, others: Tensor) -> Tensor:
    """(B,) of (B, N) each."""
    return (rows * others).sum(dim=1)
