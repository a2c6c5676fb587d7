"""The last L secant pairs of each problem, and the preconditioner that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.optim.protocol import select_rows

_LEAST_CURVATURE = 1e-8
"""Of a pair, relative to |p| |q|; and of a conjugated pair, relative to the pair itself."""


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

    def push(self, p: Tensor, q: Tensor) -> SecantPairs:
        """With the pair p, q (B, N) as the newest, in the problems where its curvature is positive.

        The oldest of a full memory is discarded.
        """
        product = (p * q).sum(dim=1)
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
        capacity = self.steps.shape[1]
        coefficients = []
        for i in reversed(range(capacity)):
            coefficient = (self.steps[:, i] * y).sum(dim=1, keepdim=True)
            y = torch.addcmul(y, coefficient, self.changes[:, i], value=-1)
            coefficients.append(coefficient)
        known, unknown = torch.zeros_like(y), y
        for i, coefficient in zip(range(capacity), reversed(coefficients), strict=True):
            p, q = self.steps[:, i], self.changes[:, i]
            share = coefficient - (q * known).sum(dim=1, keepdim=True)
            known = torch.addcmul(known, share, p)
            share = (q * unknown).sum(dim=1, keepdim=True)
            unknown = torch.addcmul(unknown, share, p, value=-1)
        return SplitProduct(known, unknown)
