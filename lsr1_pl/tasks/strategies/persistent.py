"""Persistent evolution strategies: the meta-gradient of a long unroll, a window at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lsr1_pl.data.steps import step_generator
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim import BatchedOptimizer
from lsr1_pl.optim.checks import check_counts, check_positive
from lsr1_pl.optim.classical.gauss_newton_matrix import GaussNewtonMatrix, gauss_newton_of
from lsr1_pl.optim.protocol import OptimizerState, advance
from lsr1_pl.optim.unroll import begun, highest_value
from lsr1_pl.tasks.evaluation import FunctionBatch, Trained, knowing
from lsr1_pl.tasks.meta import InnerSteps
from lsr1_pl.tasks.meta_losses import MetaLoss, StepwiseLoss, Yardstick
from lsr1_pl.tasks.strategies.perturbed import PerturbedLinears

_WORST = 1e3
"""A divergence limit for the loss, where the unroll has none."""


@dataclass(frozen=True)
class PersistentStrategies:
    """Persistent evolution strategies (PES), in place of backpropagation.

    Vicol, Metz and Sohl-Dickstein (2021): each of the B problems of a batch is solved twice, with
    the weights plus and minus a perturbation of its own, drawn anew for every window of steps. The
    difference of the two losses in a window, times the sum of the perturbations so far, over twice
    the variance and over B, estimates the gradient. It is unbiased for the loss that is smoothed
    by the perturbations, however short the window: what an early step does to late ones is not cut
    away. No graph is kept, and nothing needs a derivative.

    An iteration takes one window of one of ceil(K / window) batches, whose unrolls of K steps
    were begun at unlike times. Of so many batches that arrive, a random one is begun. A resumed
    run begins its unrolls anew.

    The variance of the estimate grows with the number of parameters. The 483 of
    :class:`lsr1_pl.optim.PairLSR1` trained better than by backpropagation, over 100 steps of
    Rosenbrock; the 1,570 and more of :class:`lsr1_pl.optim.MomentumMLP` trained worse.

    Of the :class:`Unroll`, ``second_order`` and ``clip_sample_gradient`` mean nothing here. A
    value beyond ``divergence_limit`` (1,000 where there is none), or of no finite number, counts as
    that limit.

    Args:
        window: steps of an iteration, at least 1; K or more is the plain antithetic strategy.
        sigma: standard deviation of the perturbation of every weight, above 0.

    Raises:
        UserError: a number is out of its range.
    """

    window: int = 10
    sigma: float = 0.03

    def __post_init__(self) -> None:
        check_counts(self, window=self.window)
        check_positive(self, sigma=self.sigma)

    def unrolls(self, trained: Trained, loss: MetaLoss) -> PersistentUnrolls:
        """The unrolls of a training that begins.

        Raises:
            UserError: the optimiser, the unroll or the loss cannot be trained so.
        """
        if not isinstance(loss, StepwiseLoss):
            raise UserError(
                f"strategies need a loss of each step; {type(loss).__name__} is no "
                "lsr1_pl.tasks.StepwiseLoss: derive it from that, or leave strategies out"
            )
        for name, unset in (("truncate_every", None), ("detach_iterates", False)):
            given = getattr(trained.unroll, name)
            if given != unset:
                raise UserError(
                    f"unroll {name} is {given}, which only backpropagation knows: leave it out, "
                    "or leave strategies out"
                )
        return PersistentUnrolls(self, trained, loss)


class Estimate(NamedTuple):
    """What one window of B problems, solved twice, tells."""

    gradients: list[Tensor]
    """For each of the parameters that train, shaped as it is."""
    loss: Tensor
    """(): the mean of what the steps cost."""
    evaluations_a_step: Tensor
    """(): gradients and Hessian-vector products."""
    inner_steps: InnerSteps
    """Of the window and 2 B problems."""


@dataclass
class _Unroll:
    """B problems that are solved twice, and how far they are."""

    pairs: _Pairs
    optimizer: BatchedOptimizer
    """Of the 2 B problems."""
    state: OptimizerState
    yardstick: Yardstick
    limit: Tensor | None
    """(2 B,) the value beyond which a problem is held."""
    worst: Tensor
    """(2 B,) the largest value that the loss sees."""
    evaluations: Tensor
    """(2 B,) int: so far, the start's too."""
    summed: Tensor
    """(B, P) the perturbations so far."""
    steps: int
    """When it ends."""
    taken: int = 0


class PersistentUnrolls:
    """The unrolls of one training, at unlike stages."""

    def __init__(self, how: PersistentStrategies, trained: Trained, loss: StepwiseLoss) -> None:
        self._how, self._loss = how, loss
        self._optimizer, self._unroll, self._penalty = trained
        self._linears = PerturbedLinears(trained.optimizer)
        self._going: list[_Unroll | None] = [None] * self._windows(self._unroll.steps)
        self._order: list[int] = []
        self._begun = self._estimated = 0

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """What trains, in the order of :attr:`Estimate.gradients`."""
        return self._linears.parameters

    @torch.no_grad()
    def estimate(self, batch: FunctionBatch, *key: int) -> Estimate:
        """The next window of one of the unrolls, which may begin with this batch.

        Args:
            batch: problems of the training set.
            key: tells this process and iteration apart; the perturbations follow from it, from
                the number of estimates so far, and from torch's seed.
        """
        generator = step_generator(torch.initial_seed(), *key, self._estimated)
        self._estimated += 1
        if not self._order:
            # At random, lest some of the families that arrive in turn are never begun with.
            self._order = torch.randperm(len(self._going), generator=generator).tolist()
        place = self._order.pop()
        going = self._going[place]
        if going is None:
            going = self._begin(batch, place if self._begun < len(self._going) else 0)
        noise = self._how.sigma * torch.randn(
            going.summed.shape, generator=generator, dtype=going.summed.dtype
        ).to(going.summed.device)
        estimate = self._advance(going, noise)
        self._going[place] = going if going.taken < going.steps else None
        return estimate

    def _windows(self, steps: int) -> int:
        return math.ceil(steps / self._how.window)

    def _begin(self, batch: FunctionBatch, cut: int) -> _Unroll:
        """An unroll of K steps; less ``cut`` windows, so that the first end at unlike times."""
        steps = self._unroll.steps_at(self._begun)
        self._begun += 1
        pairs = _Pairs.of(batch)
        optimizer = self._unroll.guarded(knowing(self._optimizer, pairs))
        state = begun(optimizer, pairs.objective, pairs.x0)
        start = state.evaluation.value
        limit = self._unroll.divergence_limit
        parameters = self.parameters
        return _Unroll(
            pairs,
            optimizer,
            state,
            self._loss.yardstick(
                batch.objective,
                batch.x0,
                start[: len(batch.x0)],
                steps,
                knowing(self._optimizer, batch),
            ),
            None if limit is None else highest_value(start, limit),
            highest_value(start, _WORST if limit is None else limit),
            torch.ones_like(start, dtype=torch.long),
            parameters[0].new_zeros(len(batch.x0), sum(p.numel() for p in parameters)),
            max(min(steps, self._how.window), steps - cut * self._how.window),
        )

    def _advance(self, going: _Unroll, noise: Tensor) -> Estimate:
        """One window under one more perturbation (B, P)."""
        going.summed = going.summed + noise
        first = going.taken + 1
        going.taken = min(going.steps, going.taken + self._how.window)
        weight, spent = self._penalty.weight, going.evaluations
        values, evaluations = [going.state.evaluation.value], []
        penalties, guarded = [], []
        with self._linears.by(torch.cat([noise, -noise])):
            for _ in range(first, going.taken + 1):
                before = going.state
                sound = None if going.limit is None else before.evaluation.value <= going.limit
                state = advance(going.optimizer, before, going.pairs.objective, sound)
                residual = self._penalty.residual(before, state) if weight > 0 else None
                if residual is not None:
                    penalties.append(weight * residual)
                values.append(state.evaluation.value)
                count = 1 if state.evaluations is None else state.evaluations
                going.evaluations = going.evaluations + count
                evaluations.append(going.evaluations)
                held = torch.zeros_like(values[-1], dtype=torch.bool) if sound is None else ~sound
                guarded.append(held if state.guarded is None else held | state.guarded)
                going.state = state
        path = torch.stack(values)
        seen = torch.where(path[1:] < going.worst, path[1:], going.worst)
        halves = zip(seen.chunk(2, dim=1), torch.stack(evaluations).chunk(2, dim=1), strict=True)
        terms = torch.cat([going.yardstick(*half, first) for half in halves], dim=1)
        if penalties:
            terms = terms + torch.stack(penalties)
        # The windows of an unroll are averaged by the training, and its loss is a mean over steps.
        plus, minus = terms.sum(dim=0).chunk(2)
        difference = (plus - minus) * self._windows(going.steps) / going.steps
        # A start of no finite value tells nothing.
        difference = torch.where(difference.isfinite(), difference, torch.zeros_like(difference))
        scale = 2 * self._how.sigma**2 * len(difference)
        gradient = difference.to(going.summed) @ going.summed / scale
        return Estimate(
            self._linears.split(gradient),
            terms[terms.isfinite()].mean(),
            (going.evaluations - spent).float().mean() / len(terms),
            InnerSteps(path, torch.stack(guarded)),
        )


@dataclass(frozen=True)
class _Pairs:
    """The problems of a batch, each twice: rows b and B + b of x are of problem b."""

    x0: Tensor
    objective: _Twice
    features: Tensor | None

    @classmethod
    def of(cls, batch: FunctionBatch) -> _Pairs:
        features = getattr(batch, "features", None)
        if features is not None:
            features = features.expand(len(batch.x0), *features.shape[1:]).repeat(2, 1)
        return cls(torch.cat([batch.x0, batch.x0]), _Twice(batch.objective), features)


class _Twice:
    """The objective of B problems, for 2 B rows: it holds data of each that no row may share."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def value(self, x: Tensor) -> Tensor:
        return torch.cat([self._objective.value(half) for half in x.chunk(2)])

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        halves = [self._objective.evaluate(half, second_order=second_order) for half in x.chunk(2)]
        value, gradient = (torch.cat(parts) for parts in zip(*halves, strict=True))
        return Evaluation(value, gradient)

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        product: Any = self._objective.hessian_vector_product
        return torch.cat([product(*half) for half in zip(x.chunk(2), v.chunk(2), strict=True)])

    def gauss_newton(self, x: Tensor) -> GaussNewtonMatrix:
        first, second = map(gauss_newton_of(self._objective), x.chunk(2))
        shared = first.shared
        if shared is not None and shared.ndim == 3 and second.shared is not None:
            shared = torch.cat([shared, second.shared])
        return GaussNewtonMatrix(torch.cat([first.rows, second.rows]), shared)
