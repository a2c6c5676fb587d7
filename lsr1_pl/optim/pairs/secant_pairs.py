"""The last L secant pairs of each problem, and the preconditioner that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.optim.protocol import select_rows

_LEAST_CURVATURE = 1e-8
"""The least p . q of a pair relative to |p| |q|, and of a conjugated pair relative to itself."""


_LARGEST_MEMORY, _MANY = 32, 100_000


def memory_for(variables: int) -> int:
    """How many pairs serve a problem of so many variables: N + 2, but 8 at least and 32 at most.

    Beyond 100,000 variables, where pairs take the memory of the machine, it is 8.
    """
    return 8 if variables > _MANY else min(max(8, variables + 2), _LARGEST_MEMORY)


class SplitProduct(NamedTuple):
    """B y in two parts: ``B y = known + gamma * unknown``."""

    known: Tensor
    """(B, N) what the pairs determine."""
    unknown: Tensor
    """(B, N) the part of y beyond their span, conjugate to it: B0 takes it at gamma."""


@dataclass(frozen=True)
class SecantPairs:
    """Steps p and gradient changes q, newest last, each pair scaled to ``p . q = 1``.

    A secant does not change when its pair is scaled, and pairs of one size keep the products of
    pairs in range. Places without a pair hold zeros.
    """

    steps: Tensor
    """(B, L, N)."""
    changes: Tensor
    """(B, L, N)."""

    @classmethod
    def empty(cls, like: Tensor, capacity: int) -> SecantPairs:
        """No pairs yet, for problems shaped and typed like ``like`` (B, N)."""
        none = like.new_zeros((like.shape[0], capacity, like.shape[1]))
        return cls(none, none)

    def push(self, p: Tensor, q: Tensor, kept: Tensor | None = None) -> SecantPairs:
        """With the pair p, q (B, N) as the newest, in the problems ``kept`` (B,) bool.

        These are, if None is given, those where its curvature is positive: a pair that is kept
        must have ``p . q > 0``. The oldest of a full memory is discarded.
        """
        product = (p * q).sum(dim=1)
        if kept is None:
            kept = product > _LEAST_CURVATURE * p.norm(dim=1) * q.norm(dim=1)
        scale = torch.where(kept, product, torch.ones_like(product)).rsqrt().unsqueeze(1)

        def pushed(pairs: Tensor, newest: Tensor) -> Tensor:
            newest = (scale * newest).unsqueeze(1)
            return select_rows(kept, torch.cat([pairs[:, 1:], newest], dim=1), pairs)

        return SecantPairs(pushed(self.steps, p), pushed(self.changes, q))

    def forgotten(self, problems: Tensor) -> SecantPairs:
        """Without the pairs of ``problems`` (B,) bool."""
        nothing = self.steps.new_zeros(()).expand_as(self.steps)
        return SecantPairs(
            select_rows(problems, nothing, self.steps), select_rows(problems, nothing, self.changes)
        )

    def restricted(self, free: Tensor) -> SecantPairs:
        """The parts of the pairs in the variables ``free`` (B, N) bool, scaled anew.

        A pair whose part has no positive curvature is dropped.
        """
        mask = free.unsqueeze(1).to(self.steps.dtype)
        steps, changes = self.steps * mask, self.changes * mask
        product = (steps * changes).sum(dim=2, keepdim=True)
        size = steps.norm(dim=2, keepdim=True) * changes.norm(dim=2, keepdim=True)
        kept = product > _LEAST_CURVATURE * size
        scale = torch.where(kept, product, torch.ones_like(product)).rsqrt() * kept
        return SecantPairs(scale * steps, scale * changes)

    def products(self) -> Tensor:
        """(B, L, L): ``p_i . q_j``; symmetric where the Hessian did not change, one on filled
        diagonals."""
        return torch.bmm(self.steps, self.changes.mT)

    def conjugated(self, products: Tensor, trust: Tensor) -> SecantPairs:
        """Pairs made conjugate to all newer ones: ``u_i . w_j = 0``, ``u_i . w_i = 1``.

        Where the Hessian is constant, B then keeps *every* stored secant, as BFGS with exact line
        searches does, whatever the steps were (block BFGS; Gao and Goldfarb, 2018).

        Args:
            products: of :meth:`products`.
            trust: (B, L, L) in [0, 1], how much of p_i and q_i's component along pair j is taken
                out, for j newer than i. 0 leaves the pairs as they are: that is L-BFGS.
        """
        capacity = products.shape[1]
        identity = torch.eye(capacity, dtype=products.dtype, device=products.device)
        rows: list[Tensor] = []  # of the combinations of pairs, newest first
        for i in reversed(range(capacity)):
            row = identity[i].expand(products.shape[0], -1)
            if rows:
                newer = torch.stack(rows, dim=1)
                overlap = torch.bmm(newer, products[:, :, i : i + 1]).squeeze(2)
                removed = trust[:, i, i + 1 :].flip(1) * overlap
                row = row - torch.bmm(removed.unsqueeze(1), newer).squeeze(1)
            curvature = (torch.bmm(row.unsqueeze(1), products).squeeze(1) * row).sum(dim=1)
            kept = curvature > _LEAST_CURVATURE
            scale = torch.where(kept, curvature, torch.ones_like(curvature)).rsqrt().unsqueeze(1)
            rows.append(torch.where(kept.unsqueeze(1), scale * row, torch.zeros_like(row)))
        combinations = torch.stack(rows[::-1], dim=1)
        return SecantPairs(
            torch.bmm(combinations, self.steps), torch.bmm(combinations, self.changes)
        )

    def split_product(self, y: Tensor) -> SplitProduct:
        """BFGS's inverse Hessian of these pairs, times y (B, N): the two-loop recursion, split.

        With B0 = gamma I, ``B = gamma R^T R + K`` for an R and a K that do not depend on gamma,
        both positive semi-definite.
        """
        y, coefficients = self._first_loop(y)
        known = self._second_loop(torch.zeros_like(y), coefficients)
        # The same recursion without the pairs' own part: what is left is linear in gamma.
        return SplitProduct(known, self._second_loop(y, [0.0] * len(coefficients)))

    def product(self, y: Tensor, gamma: Tensor) -> Tensor:
        """(B, N): B y with B0 = gamma I, for gamma (B,)."""
        y, coefficients = self._first_loop(y)
        return self._second_loop(gamma.unsqueeze(1) * y, coefficients)

    def _first_loop(self, y: Tensor) -> tuple[Tensor, list[Tensor]]:
        """y (B, N) less its part along each pair, newest first; and those parts, oldest first."""
        coefficients = []
        for i in reversed(range(self.steps.shape[1])):
            coefficient = (self.steps[:, i] * y).sum(dim=1, keepdim=True)
            y = torch.addcmul(y, coefficient, self.changes[:, i], value=-1)
            coefficients.append(coefficient)
        return y, coefficients[::-1]

    def _second_loop(self, y: Tensor, coefficients: Sequence[Tensor | float]) -> Tensor:
        """y (B, N) with each pair's part put back, oldest first."""
        for i, coefficient in enumerate(coefficients):
            share = coefficient - (self.changes[:, i] * y).sum(dim=1, keepdim=True)
            y = torch.addcmul(y, share, self.steps[:, i])
        return y
