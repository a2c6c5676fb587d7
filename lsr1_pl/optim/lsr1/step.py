"""One step of L-SR1, the learned symmetric-rank-one optimiser (Algorithm 1)."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts
from lsr1_pl.optim.curvature import LowRankCurvature, PlainProduct, Product
from lsr1_pl.optim.lsr1.assembly import checked_parts
from lsr1_pl.optim.lsr1.base import Base, Identity
from lsr1_pl.optim.lsr1.former import takes_former_keywords
from lsr1_pl.optim.lsr1.gradients import Gradient, PlainGradient
from lsr1_pl.optim.lsr1.networks import Networks
from lsr1_pl.optim.lsr1.rates import Rate
from lsr1_pl.optim.lsr1.reads import EncoderInputs, Reads, Seen
from lsr1_pl.optim.lsr1.running import CompileMode, Generators, Runner
from lsr1_pl.optim.lsr1.state import LSR1State
from lsr1_pl.optim.lsr1.vectors import FreeVector, Vector, limited
from lsr1_pl.optim.protocol import BatchedOptimizer


@takes_former_keywords
@checked_parts
class LSR1(nn.Module, BatchedOptimizer):
    """Learned quasi-Newton optimiser: ``x_k = x_{k-1} - alpha_k * (B_k g_{k-1})``.

    The encoder reads each variable; the vector generator turns its features into v_k, the
    learning-rate generator into alpha_k, elementwise; and ``B_k = B0 + sum v v^T`` over the last
    L vectors. Every part decides one thing and stands alone; see :mod:`lsr1_pl.optim.lsr1`. As it
    comes, this is the paper's; at width 128 it has 252,555 parameters.

    Args:
        networks: what the three networks are made of.
        base: B0.
        product: what B y counts as.
        reads: what the encoder reads.
        vector: how v is made of the vector generator's output.
        rate: how the step sizes are made of the learning-rate generator's output.
        gradient: what B multiplies.
        buffer_size: L >= 1, how many vectors B keeps; may be changed after training.
        runner: how steps with gradients run; it changes no result.
    """

    def __init__(
        self,
        *,
        networks: Networks = Networks(),
        base: Base = Identity(),
        product: Product = PlainProduct(),
        reads: Reads = Reads(),
        vector: Vector = FreeVector(),
        rate: Rate = Rate(),
        gradient: Gradient = PlainGradient(),
        buffer_size: int = 8,
        runner: Runner = Runner(),
    ) -> None:
        super().__init__()
        check_counts(self, buffer_size=buffer_size)
        self.base, self.product, self.vector = base, product, vector
        self.rate, self.gradient = rate, gradient
        self.buffer_size = buffer_size
        self.use(runner)
        self._generators = Generators()
        self.encoder_inputs = EncoderInputs(reads)
        self.encoder = networks.encoder(self.encoder_inputs.width)
        self.vector_generator = networks.generator()
        self.learning_rate_generator = networks.generator()
        with torch.no_grad():
            for parameter in self.vector_generator.output.parameters():
                parameter.mul_(vector.initial_scale)

    def with_buffer_size(self, buffer_size: int) -> LSR1:
        """The same trained networks (shared, not copied) with another L."""
        check_counts(self, buffer_size=buffer_size)
        other = copy.copy(self)
        other.buffer_size = buffer_size
        return other

    def use(self, runner: Runner) -> None:
        """Change how steps with gradients run."""
        self.runner = runner
        self._compiled = runner.compile(LSR1._propose)

    def compile_steps(self, compiled: bool | CompileMode) -> None:
        """Change whether steps with gradients are compiled, and in which mode."""
        self.use(replace(self.runner, compiled=compiled))

    def init(self, x: Tensor, evaluation: Evaluation) -> LSR1State:
        """State at ``x`` (B, N): p = x, q = g, d = g and an empty buffer (line 1).

        Steps without gradients fold layers together, anew after ``init`` or a change in place.
        """
        self._generators.forget()
        gradient = evaluation.gradient
        return LSR1State(
            iterate=x,
            evaluation=evaluation,
            direction=gradient,
            secant_residual=None,
            previous_step=x,
            gradient_change=gradient,
            curvature=LowRankCurvature.empty(x, self.buffer_size, self.base.start, self.product),
            steps_taken=0,
            base_memory=self.base.first_memory(x),
            gradient_memory=self.gradient.first_memory(x),
        )

    def step(self, state: LSR1State, objective: Objective) -> LSR1State:
        """One pass through lines 3 to 11 of Algorithm 1."""
        proposed = self.propose(state)
        return self.moved(state, proposed, proposed.iterate, objective.evaluate(proposed.iterate))

    def propose(self, state: LSR1State) -> LSR1State:
        """Lines 3 to 9: where the step from ``state`` leads, its objective not yet evaluated.

        What the state says of the objective is still that of the point before; :meth:`moved` says
        the rest.
        """
        if torch.is_grad_enabled():
            proposed = self.runner.run(self._compiled, self, state)
        else:
            proposed = self._propose(state)
        return replace(proposed, steps_taken=state.steps_taken + 1)

    def moved(
        self, before: LSR1State, after: LSR1State, iterate: Tensor, evaluation: Evaluation
    ) -> LSR1State:
        """With p and q of the step that was taken."""
        return replace(
            after,
            iterate=iterate,
            evaluation=evaluation,
            previous_step=iterate - before.iterate,
            gradient_change=evaluation.gradient - before.evaluation.gradient,
        )

    def _propose(self, state: LSR1State) -> LSR1State:
        """Lines 3 to 9: the next iterate, and what made it."""
        base, averaged = self.base.at(state), self.gradient.at(state)
        features = self.encoder_inputs(Seen(state, base.scale, averaged.gradient))
        outputs = self._generators(
            self.encoder,
            (self.vector_generator, self.learning_rate_generator),
            features.flatten(0, 1),
        )
        output, log_rate = (out.to(features.dtype).view_as(state.iterate) for out in outputs)
        output = limited(output, self.vector.limit)
        vector = self.vector.of(output, state, self.base.unit(base.scale))
        curvature = replace(state.curvature, scale=base.scale).push(vector)
        direction = curvature.matvec(averaged.gradient)
        return replace(
            state,
            iterate=state.iterate - self.rate.of(log_rate) * direction,
            direction=direction,
            curvature=curvature,
            base_memory=base.memory,
            gradient_memory=averaged.memory,
        )
