"""L-SR1, the learned symmetric-rank-one optimiser (Algorithm 1)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.optim.checks import check_counts, check_fraction, check_positive
from lsr1_pl.optim.compiling import CompileMode, compiled_or_none
from lsr1_pl.optim.curvature import LowRankCurvature
from lsr1_pl.optim.folded import FoldedNetworks
from lsr1_pl.optim.initial_curvature import (
    LSR1State,
    initial_scale,
    last_sr1_vector,
    secant_unit,
    with_running_means,
)
from lsr1_pl.optim.inputs import INPUTS, EncoderInputs
from lsr1_pl.optim.networks import ElementwiseMLP
from lsr1_pl.optim.protocol import BatchedOptimizer
from lsr1_pl.optim.recompute import recomputed


class LSR1(nn.Module, BatchedOptimizer):
    """Learned quasi-Newton optimiser: ``x_k = x_{k-1} - alpha_k * (B_k g_{k-1})``.

    The encoder reads each variable's ``inputs``; the vector generator turns its features into v_k,
    the learning-rate generator into ``alpha_k = gamma1 * exp(gamma2 * output)``, elementwise; and
    ``B_k = B0 + sum v v^T`` over the last ``buffer_size`` vectors. At width 128 it has 252,555
    parameters (with ``residual`` and one PReLU weight each).

    Args:
        hidden_dim: width of the three networks (128 in the paper).
        buffer_size: L >= 1, how many vectors B keeps; may be changed after training.
        gamma1: scale of the learning rates, > 0.
        gamma2: their sensitivity to the network's output.
        initial_curvature: B0. ``identity`` is Eq. 7; ``none`` is line 9 of Algorithm 1 as printed
            (zero); ``scaled`` is ``(p.q / q.q) I`` of the last step, clamped to [1e-4, 1e4] and
            detached, identity before the first step; ``polyak`` is ``f / |g|^2 I`` of the point,
            clamped to [1e-6, 1e6] and detached, for objectives whose least value is 0: without
            vectors a step is Polyak's, relaxed by gamma1; ``rms`` is the diagonal of Adam,
            ``1 / sqrt(mean g^2)`` with memory 0.999, detached. With either of the two, v_k is in
            units of B0's root. ``first`` is ``scaled`` by the first step's pair, held.
        gradient_memory: B multiplies a running mean of the gradients with this memory, in [0, 1),
            corrected for its start as Adam's; 0, the paper's, is the gradient itself.
        dropout: rate of every Dropout of Tables 5 and 6, in [0, 1); the paper does not give one.
        residual: whether the basic blocks add their input (Table 6 is silent).
        norm_momentum: of BatchNorm's running statistics, in (0, 1]; torch's default is 0.1. They
            are updated at every inner step, so that at 0.1 they hold the last ten steps of an
            unroll, and the evaluated networks misjudge the first; 0.01 averages over unrolls.
        inputs: which of x, p, d, g, q the encoder reads (Table 4); also b0g and b0m, which are B0
            times the gradient and times its running mean, and r, SR1's residual ``p - B q`` of the
            last step.
        input_normalization: ``none`` is the paper; ``rms`` divides each of the paper's inputs by
            its root mean square within the problem, so that the networks see no scale.
        problem_inputs: see :class:`lsr1_pl.optim.EncoderInputs`.
        secant_inputs: see there.
        embedding: see there.
        variables: see there.
        output_limit: if given, c > 0: the generators' outputs o become c tanh(o / c), so that no
            input can make a vector or a rate explode.
        vector: ``free``, the network's output; or ``sr1``, SR1's vector of the last pair times
            ``1 + tanh(output) / 2``: with the network at zero this is PSD-SR1, its networks correct
            that. ``vector_scale`` does not apply to it.
        vector_scale: ``none``; or ``secant``, which takes v_k in units of
            ``sqrt(|p| / (|q| N))`` of the last step, clamped and detached, so that
            B has the unit of an inverse Hessian whatever the units of f and x are.
        detach_inputs: cut the meta-gradient through what the encoder reads.
        vector_init_scale: factor on the vector generator's last layer at initialisation. At 1, as
            the layer comes, the first unroll overflows: BatchNorm makes v of order one.
        secant_pair: which (p, q) the secant residual takes. ``previous`` is (p_{k-1}, q_{k-1}),
            which v_k was made from; ``current`` is (p_k, q_k) after the step, as Eq. 9 prints.
        secant_detach: whether that pair is detached. Attached, a smaller step lowers the penalty.
        secant_relative: whether the residual is divided by |p|^2, so that it knows no scale.
        compiled: whether steps with gradients, objective apart, run through ``torch.compile``;
            ``reduce-overhead`` and ``max-autotune`` are its modes that use CUDA graphs.
        recompute: whether they keep their state alone, and make activations again for gradients.
    """

    def __init__(
        self,
        hidden_dim: int = 128,
        buffer_size: int = 8,
        gamma1: float = 0.4,
        gamma2: float = 1e-3,
        initial_curvature: Literal[
            "identity", "none", "scaled", "first", "polyak", "rms"
        ] = "identity",
        gradient_memory: float = 0.0,
        dropout: float = 0.0,
        residual: bool = True,
        norm_momentum: float = 0.1,
        inputs: Sequence[str] = INPUTS,
        input_normalization: Literal["none", "rms"] = "none",
        problem_inputs: bool = False,
        secant_inputs: bool = False,
        embedding: int = 0,
        variables: int | None = None,
        output_limit: float | None = None,
        vector: Literal["free", "sr1"] = "free",
        vector_scale: Literal["none", "secant"] = "none",
        detach_inputs: bool = False,
        vector_init_scale: float = 0.1,
        secant_pair: Literal["previous", "current"] = "previous",
        secant_detach: bool = True,
        secant_relative: bool = False,
        compiled: bool | CompileMode = False,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        check_counts(self, hidden_dim=hidden_dim, buffer_size=buffer_size)
        check_positive(
            self, gamma1=gamma1, output_limit=1 if output_limit is None else output_limit
        )
        check_fraction(self, dropout=dropout, gradient_memory=gradient_memory)
        if not 0 < norm_momentum <= 1:
            raise UserError(f"LSR1 norm_momentum is {norm_momentum}; it must lie in (0, 1]")
        self.buffer_size = buffer_size
        self.gamma1 = gamma1
        self.gamma2 = gamma2
        self.initial_curvature = initial_curvature
        self.gradient_memory = gradient_memory
        self.output_limit = output_limit
        self.vector = vector
        self.vector_scale = vector_scale
        self.detach_inputs = detach_inputs
        self.secant_pair = secant_pair
        self.secant_detach = secant_detach
        self.secant_relative = secant_relative
        self.recompute = recompute
        self._folded: FoldedNetworks | None = None
        self.compile_steps(compiled)

        network = partial(
            ElementwiseMLP,
            hidden_dim=hidden_dim,
            dropout=dropout,
            residual=residual,
            norm_momentum=norm_momentum,
        )
        self.encoder_inputs = EncoderInputs(
            inputs, input_normalization, problem_inputs, secant_inputs, embedding, variables
        )
        self.encoder = network(self.encoder_inputs.width, hidden_dim)
        self.vector_generator = network(hidden_dim, 1)
        self.learning_rate_generator = network(hidden_dim, 1)
        with torch.no_grad():
            for parameter in self.vector_generator.output.parameters():
                parameter.mul_(vector_init_scale)

    def with_buffer_size(self, buffer_size: int) -> LSR1:
        """The same trained networks (shared, not copied) with another L."""
        check_counts(self, buffer_size=buffer_size)
        other = copy.copy(self)
        other.buffer_size = buffer_size
        return other

    def compile_steps(self, compiled: bool | CompileMode) -> None:
        """Change ``compiled``."""
        self._compiled = compiled_or_none(LSR1._propose, compiled)

    def init(self, x: Tensor, evaluation: Evaluation) -> LSR1State:
        """State at ``x`` (B, N): p = x, q = g, d = g and an empty buffer (line 1).

        Steps without gradients fold layers together, anew after ``init`` or a change in place.
        """
        self._folded = None
        gradient, scale = evaluation.gradient, float(self.initial_curvature != "none")
        return LSR1State(
            iterate=x,
            evaluation=evaluation,
            direction=gradient,
            secant_residual=x.new_zeros(x.shape[0]),
            previous_step=x,
            gradient_change=gradient,
            curvature=LowRankCurvature.empty(x, self.buffer_size, scale),
            steps_taken=0,
            gradient_mean=torch.zeros_like(gradient),
            gradient_square=torch.zeros_like(gradient),
        )

    def step(self, state: LSR1State, objective: Objective) -> LSR1State:
        """One pass through lines 3 to 11 of Algorithm 1."""
        proposed = self._proposed(state)
        evaluation = objective.evaluate(proposed.iterate)
        after = replace(
            proposed,
            evaluation=evaluation,
            previous_step=proposed.iterate - state.iterate,
            gradient_change=evaluation.gradient - state.evaluation.gradient,
            steps_taken=state.steps_taken + 1,
        )
        if self.secant_pair == "previous":
            return after
        pair = (after.previous_step, after.gradient_change)
        return replace(after, secant_residual=self._secant_residual(after.curvature, *pair))

    def _proposed(self, state: LSR1State) -> LSR1State:
        """:meth:`_propose`, as the options have it run."""
        if not torch.is_grad_enabled():
            return self._propose(state)
        propose = partial(self._compiled or LSR1._propose, self)
        return recomputed(propose, state, self) if self.recompute else propose(state)

    def _propose(self, state: LSR1State) -> LSR1State:
        """Lines 3 to 9: the next iterate, and what made it."""
        state = with_running_means(self.initial_curvature, self.gradient_memory, state)
        base = replace(state.curvature, scale=initial_scale(self.initial_curvature, state))
        averaged = state.gradient_mean
        if self.gradient_memory:
            averaged = averaged / (1 - self.gradient_memory ** (state.steps_taken + 1))
        vector, learning_rate = self._generate(state, base.scale, averaged)
        if self.vector == "sr1":
            vector = (1 + 0.5 * torch.tanh(vector)) * last_sr1_vector(state)
        elif self.initial_curvature in ("polyak", "rms"):
            vector = vector * base.scale.sqrt()
        elif self.vector_scale == "secant":
            vector = vector * secant_unit(state)
        curvature = base.push(vector)
        direction = curvature.matvec(averaged)
        # The first state's p and q are x0 and g0, placeholders that belong to no step.
        residual = state.evaluation.value.new_zeros(len(vector))
        if self.secant_pair == "previous" and state.steps_taken > 0:
            residual = self._secant_residual(curvature, state.previous_step, state.gradient_change)
        return replace(
            state,
            iterate=state.iterate - learning_rate * direction,
            direction=direction,
            curvature=curvature,
            secant_residual=residual,
        )

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

    def _generate(
        self, state: LSR1State, base_scale: Tensor, averaged: Tensor
    ) -> tuple[Tensor, Tensor]:
        """v_k and alpha_k, each (B, N)."""
        available = {
            "x": state.iterate,
            "p": state.previous_step,
            "d": state.direction,
            "g": state.evaluation.gradient,
            "q": state.gradient_change,
        }
        for name, gradient in (("b0g", state.evaluation.gradient), ("b0m", averaged)):
            if name in self.encoder_inputs.names:
                available[name] = base_scale * gradient
        if self.encoder_inputs.reads_residual:
            product = state.curvature.matvec(state.gradient_change)
            available["r"] = state.previous_step - product
        features = self.encoder_inputs(available, state.evaluation, state.steps_taken)
        if self.detach_inputs:
            features = features.detach()
        outputs = self._outputs(features.flatten(0, 1))
        vector, log_rate = (out.to(features.dtype).view_as(state.iterate) for out in outputs)
        rate = self.gamma1 * torch.exp(self._limited(self.gamma2 * log_rate))
        return self._limited(vector), rate

    def _outputs(self, rows: Tensor) -> Sequence[Tensor]:
        """The two generators' of R rows, (R, 1) each."""
        generators = (self.vector_generator, self.learning_rate_generator)
        if not (self.training or torch.is_grad_enabled()):
            if self._folded is None or not self._folded.still_hold():
                self._folded = FoldedNetworks(self.encoder, generators)
            return self._folded(rows)
        latent = self.encoder(rows)
        return [generator(latent) for generator in generators]

    def _limited(self, output: Tensor) -> Tensor:
        if self.output_limit is None:
            return output
        return self.output_limit * torch.tanh(output / self.output_limit)

    def _secant_residual(self, curvature: LowRankCurvature, p: Tensor, q: Tensor) -> Tensor:
        if self.secant_detach:
            p, q = p.detach(), q.detach()
        residual = curvature.secant_residual(p, q)
        if self.secant_relative:
            return residual / p.square().sum(dim=1).clamp_min(torch.finfo(p.dtype).tiny)
        return residual
