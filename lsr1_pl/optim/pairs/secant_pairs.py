"""The last L secant pairs of each problem, and the preconditioner that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.optim.pairs.conjugation import combinations
from lsr1_pl.optim.protocol import alike, select_problems

_LEAST_CURVATURE = 1e-8
"""The least p . q of a pair relative to |p| |q|."""

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
            kept = product > _LEAST_CURVATURE * _norm(p) * _norm(q)
        scale = torch.where(kept, product, 1).rsqrt().unsqueeze(1)

        def pushed(pairs: Tensor, newest: Tensor) -> Tensor:
            return torch.cat([pairs[:, 1:], (scale * newest).unsqueeze(1)], dim=1)

        longer = SecantPairs(pushed(self.steps, p), pushed(self.changes, q))
        return select_problems(kept, longer, self)

    def forgotten(self, problems: Tensor) -> SecantPairs:
        """Without the pairs of ``problems`` (B,) bool."""
        if alike(problems) is False:
            return self
        nothing = self.steps.new_zeros(()).expand_as(self.steps)
        return select_problems(problems, SecantPairs(nothing, nothing), self)

    def newest(self, count: int) -> SecantPairs:
        """The last ``count`` places alone."""
        return SecantPairs(self.steps[:, -count:], self.changes[:, -count:])

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

    def conjugated(self, products: Tensor, trust: Tensor) -> ConjugatedPairs:
        """Pairs made conjugate to all newer ones: ``u_i . w_j = 0``, ``u_i . w_i = 1``.

        Where the Hessian is constant, B then keeps *every* stored secant, as BFGS with exact line
        searches does, whatever the steps were (block BFGS; Gao and Goldfarb, 2018).

        Args:
            products: of :meth:`products`.
            trust: (B, L, L) in [0, 1], how much of p_i and q_i's component along pair j is taken
                out, for j newer than i. 0 leaves the pairs as they are: that is L-BFGS.
        """
        return ConjugatedPairs(self, *combinations(products, trust))

    @in_full_precision
    def split_product(self, y: Tensor) -> SplitProduct:
        """BFGS's inverse Hessian of these pairs, times y (B, N): the two-loop recursion, split.

        With B0 = gamma I, ``B = gamma R^T R + K`` for an R and a K that do not depend on gamma,
        both positive semi-definite.
        """
        # alpha, the parts of y along the pairs, solves a triangular system: alpha_i = p_i . y less
        # what the newer pairs took, sum over j > i of (p_i . q_j) alpha_j.
        products = self.products()
        alpha = _solved(products, torch.bmm(self.steps, y.unsqueeze(2)), upper=True)
        left = torch.baddbmm(y.unsqueeze(2), self.changes.mT, alpha, alpha=-1)
        parts = torch.cat([alpha, -torch.bmm(self.changes, left)], dim=2)
        back = torch.bmm(self.steps.mT, _solved(products.mT, parts, upper=False))
        return SplitProduct(back[:, :, 0], left[:, :, 0] + back[:, :, 1])

    def product(self, y: Tensor, gamma: Tensor) -> Tensor:
        """(B, N): B y with B0 = gamma I, for gamma (B,)."""
        split = self.split_product(y)
        return torch.addcmul(split.known, gamma.unsqueeze(1), split.unknown)


@dataclass(frozen=True)
class ConjugatedPairs:
    """Linear combinations of pairs, ``u = C p`` and ``w = C q``, which are never formed."""

    pairs: SecantPairs
    """The raw ones."""
    combinations: Tensor
    """(B, L, L): C, whose row i makes pair i."""
    images: Tensor
    """(B, L, L): C times the products of the raw pairs, ``u_i . q_j``."""

    @in_full_precision
    def split_product(self, y: Tensor) -> SplitProduct:
        """As :meth:`SecantPairs.split_product`, of the combined pairs."""
        steps, changes, C = self.pairs.steps, self.pairs.changes, self.combinations
        overlaps = torch.bmm(self.images, C.mT)
        alpha = torch.bmm(C, torch.bmm(steps, y.unsqueeze(2)))
        alpha = _solved(overlaps, alpha, upper=True)
        left = torch.baddbmm(y.unsqueeze(2), changes.mT, torch.bmm(C.mT, alpha), alpha=-1)
        parts = torch.cat([alpha, -torch.bmm(C, torch.bmm(changes, left))], dim=2)
        along = torch.bmm(C.mT, _solved(overlaps.mT, parts, upper=False))
        back = torch.bmm(steps.mT, along)
        return SplitProduct(back[:, :, 0], left[:, :, 0] + back[:, :, 1])


def _norm(rows: Tensor) -> Tensor:
    """(B,) of (B, N)."""
    return torch.linalg.vector_norm(rows, dim=1)


def _solved(matrix: Tensor, right: Tensor, *, upper: bool) -> Tensor:
    """(B, L, M): the system of a triangle of ``matrix`` (B, L, L), its diagonal taken as ones."""
    return torch.linalg.solve_triangular(matrix, right, upper=upper, unitriangular=True)
