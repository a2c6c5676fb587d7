"""L-SR1's state, and what its last step says of curvature: B0, SR1's vector, a vector's unit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lsr1_pl.optim.curvature import LowRankCurvature
from lsr1_pl.optim.protocol import OptimizerState

_SQUARE_MEMORY = 0.999
"""Of the running mean of squared gradients, as Adam's."""

_EPSILON = 1e-8


@dataclass(frozen=True)
class LSR1State(OptimizerState):
    """L-SR1's state: what the encoder reads, and the buffer of vectors."""

    previous_step: Tensor
    """(B, N) p, the last step; before the first one, x0 (line 1 of Algorithm 1)."""
    gradient_change: Tensor
    """(B, N) q, the last change of the gradient; before the first step, g0."""
    curvature: LowRankCurvature
    """B_k, the preconditioner of the last step."""
    steps_taken: int
    gradient_mean: Tensor
    """(B, N) running mean of the gradients, not yet corrected for its start at zero; with no memory
    the last one."""
    gradient_square: Tensor
    """(B, N) running mean of their squares, likewise; zero unless B0 is made of it."""


def with_running_means(rule: str, memory: float, state: LSR1State) -> LSR1State:
    """With the current gradient in the running means that ``rule`` and ``memory`` ask for."""
    gradient, square = state.evaluation.gradient, state.gradient_square
    if rule == "rms":
        square = torch.lerp(gradient.detach().square(), square, _SQUARE_MEMORY)
    if memory:
        gradient = torch.lerp(gradient, state.gradient_mean, memory)
    return replace(state, gradient_mean=gradient, gradient_square=square)


def initial_scale(rule: str, state: LSR1State) -> Tensor:
    """(B, 1) or (B, N): the diagonal of B0 by ``initial_curvature``; see :class:`LSR1`."""
    if rule == "rms":
        corrected = state.gradient_square / (1 - _SQUARE_MEMORY ** (state.steps_taken + 1))
        return 1 / (corrected.sqrt() + _EPSILON)
    if rule == "polyak":
        value, gradient = (t.detach() for t in state.evaluation)
        square = gradient.square().sum(dim=1).clamp_min(torch.finfo(value.dtype).tiny)
        return (value / square).clamp(1e-6, 1e6).unsqueeze(1)
    return _by_secant(rule, state)


def _by_secant(rule: str, state: LSR1State) -> Tensor:
    """``p . q / q . q`` of the last step or, held, of the first one; else what B0 was."""
    wanted = (rule == "scaled" and state.steps_taken > 0) or (
        rule == "first" and state.steps_taken == 1
    )
    if not wanted:
        return state.curvature.scale
    p, q = state.previous_step.detach(), state.gradient_change.detach()
    square = q.square().sum(dim=1, keepdim=True).clamp_min(torch.finfo(q.dtype).tiny)
    return ((p * q).sum(dim=1, keepdim=True) / square).clamp(1e-4, 1e4)


def secant_unit(state: LSR1State) -> Tensor:
    """(B, 1): ``sqrt(|p| / (|q| N))``, the size that an entry of v has in an inverse Hessian.

    One over the root of N before the first step, which has no pair.
    """
    p, q = state.previous_step.detach(), state.gradient_change.detach()
    root = p.shape[1] ** -0.5
    if state.steps_taken == 0:
        return torch.full_like(p[:, :1], root)
    length = p.norm(dim=1, keepdim=True)
    change = q.norm(dim=1, keepdim=True).clamp_min(torch.finfo(q.dtype).tiny)
    return root * (length / change).clamp(1e-4, 1e4).sqrt()


def last_sr1_vector(state: LSR1State) -> Tensor:
    """(B, N) SR1's of the last pair, detached: what the networks learn is its correction."""
    if state.steps_taken == 0:
        return torch.zeros_like(state.iterate)
    p, q = state.previous_step.detach(), state.gradient_change.detach()
    return state.curvature.sr1_vector(p, q).detach()
