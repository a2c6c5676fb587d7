"""The Rosenbrock function (Surjanovic and Bingham, Virtual Library of Simulation Experiments)."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation


class Rosenbrock:
    """``f(x) = sum_{i<N} 100 (x_{i+1} - x_i^2)^2 + (x_i - 1)^2``, N >= 2; minimum 0 at ones.

    For 4 <= N <= 7 and beyond, a second, local minimum lies near (-1, 1, ..., 1).
    """

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        head, valley = _parts(x)
        return (100 * valley.square() + (head - 1).square()).sum(dim=1)

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        """Value (B,) and gradient (B, N), written out."""
        head, valley = _parts(x)
        value = (100 * valley.square() + (head - 1).square()).sum(dim=1)
        by_head = -400 * head * valley + 2 * (head - 1)
        gradient = _at_head(by_head) + _at_tail(200 * valley)
        return Evaluation(value, gradient if second_order else gradient.detach())

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        """The tridiagonal Hessian at ``x`` times ``v``, (B, N); detached."""
        x, v = x.detach(), v.detach()
        head, valley = _parts(x)
        head_v, tail_v = v[:, :-1], v[:, 1:]
        along_head = (800 * head.square() - 400 * valley + 2) * head_v - 400 * head * tail_v
        return _at_head(along_head) + _at_tail(200 * tail_v - 400 * head * head_v)

    def minimum(self) -> Tensor:
        """(): 0, the least value of every problem."""
        return torch.zeros(())

    def minimizer(self, x: Tensor) -> Tensor:
        """(B, N): ones, for points like ``x``."""
        return torch.ones_like(x)


def _parts(x: Tensor) -> tuple[Tensor, Tensor]:
    """x_i and x_{i+1} - x_i^2 for i < N, each (B, N - 1)."""
    if x.shape[1] < 2:
        raise UserError(f"Rosenbrock needs 2 variables or more; x has shape {tuple(x.shape)}")
    head = x[:, :-1]
    return head, x[:, 1:] - head.square()


def _at_head(y: Tensor) -> Tensor:
    return torch.nn.functional.pad(y, (0, 1))


def _at_tail(y: Tensor) -> Tensor:
    return torch.nn.functional.pad(y, (1, 0))
