"""The limited-memory preconditioner B = B0 + sum_i v_i v_i^T (Eq. 7), never formed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lsr1_pl.ground.precision import in_full_precision

_LEAST_COSINE = 1e-8


class Product(ABC):
    """What an optimiser takes for B y, given Eq. 7's."""

    @abstractmethod
    def __call__(self, y: Tensor, product: Tensor) -> Tensor:
        """(B, N): what B y counts as.

        Args:
            y: what B multiplies, (B, N).
            product: ``B0 y + sum v (v . y)``, (B, N).
        """


@dataclass(frozen=True)
class PlainProduct(Product):
    """B y is Eq. 7's, as it is."""

    def __call__(self, y: Tensor, product: Tensor) -> Tensor:
        """The product itself."""
        return product


@dataclass(frozen=True)
class NormKeepingProduct(Product):
    """B y has the norm of y: B turns a vector and never stretches it, problem by problem.

    The authors' published code has it, the paper's text does not. A step is then at most as long
    as the rate times the gradient, whatever N is; of Eq. 7's product alone the length grows with N.
    """

    def __call__(self, y: Tensor, product: Tensor) -> Tensor:
        """The product at the length of y; zero where Eq. 7's is."""
        tiny = torch.finfo(y.dtype).tiny
        # Squares of large vectors' products overflow. The result does not depend on this scale.
        scaled = product / product.detach().abs().amax(dim=1, keepdim=True).clamp_min(tiny)
        length = scaled.norm(dim=1, keepdim=True).clamp_min(tiny)
        return scaled * (y.norm(dim=1, keepdim=True) / length)


_PLAIN = PlainProduct()


@dataclass(frozen=True)
class LowRankCurvature:
    """B = B0 + sum of L outer products, for B problems of N variables.

    Positive semi-definite whenever B0 is, whatever the vectors are.
    """

    scale: Tensor
    """(B, 1) the factor of B0 = scale * I, or (B, N) the diagonal of B0, or (B, N, N) B0 itself."""
    vectors: Tensor
    """(B, L, N), oldest first; the places that no vector fills yet hold zeros."""
    count: int
    """How many vectors are stored, at most L."""
    product: Product = _PLAIN
    """What B y counts as."""

    @classmethod
    def empty(
        cls, like: Tensor, capacity: int, scale: float = 1.0, product: Product = _PLAIN
    ) -> LowRankCurvature:
        """No vectors yet, for problems shaped and typed like ``like`` (B, N)."""
        batch, size = like.shape
        factor, none = like.new_full((batch, 1), scale), like.new_zeros((batch, capacity, size))
        return cls(factor, none, 0, product)

    @property
    def capacity(self) -> int:
        """L, the most vectors that are kept."""
        return self.vectors.shape[1]

    def push(self, vector: Tensor) -> LowRankCurvature:
        """With ``vector`` (B, N) as the newest; the oldest of a full buffer is discarded."""
        vectors = torch.cat([self.vectors[:, 1:], vector.unsqueeze(1)], dim=1)
        return replace(self, vectors=vectors, count=min(self.count + 1, self.capacity))

    @in_full_precision
    def matvec(self, y: Tensor) -> Tensor:
        """B y for ``y`` (B, N), in O(L N)."""
        coefficients = torch.bmm(self.vectors, y.unsqueeze(2))
        low_rank = torch.bmm(self.vectors.transpose(1, 2), coefficients).squeeze(2)
        if self.scale.ndim == 3:
            return self.product(y, torch.bmm(self.scale, y.unsqueeze(2)).squeeze(2) + low_rank)
        return self.product(y, self.scale * y + low_rank)

    def secant_residual(self, p: Tensor, q: Tensor) -> Tensor:
        """(B,) squared norm of ``p - B q`` (Eqs. 4 and 9) for steps p and gradient changes q."""
        return (p - self.matvec(q)).square().sum(dim=1)

    def sr1_vector(self, p: Tensor, q: Tensor) -> Tensor:
        """(B, N) ``r / sqrt(r . q)``, r = p - B q: pushed, B meets the secant ``B q = p``.

        SR1's update (Algorithm 3) where it keeps B positive, ``r . q > 1e-8 |r| |q|``; zero
        elsewhere.
        """
        return aimed_vector(p - self.matvec(q), q)

    def dense(self) -> Tensor:
        """(B, N, N) Eq. 7's matrix itself: for tests and pictures, never for a step."""
        low_rank = self.vectors.transpose(1, 2) @ self.vectors
        if self.scale.ndim == 3:
            return self.scale + low_rank
        return torch.diag_embed(self.scale.expand(-1, self.vectors.shape[2])) + low_rank


def aimed_vector(image: Tensor, y: Tensor, least_cosine: float = _LEAST_COSINE) -> Tensor:
    """(B, N) the vector v of ``v v^T y = image``: ``image / sqrt(image . y)``.

    There is one where ``image . y > least_cosine |image| |y|``; elsewhere v is zero. Then the
    matrix takes y to zero, and no gradient flows to ``image``.

    Args:
        image: (B, N) what the matrix makes of y.
        y: (B, N).
        least_cosine: 0 or more, the least cosine of the angle between the two. A vector at a right
            angle to y would be infinitely long.
    """
    product = (image * y).sum(dim=1)
    aimed = product > least_cosine * image.norm(dim=1) * y.norm(dim=1)
    # Where nothing is aimed, ones stand in, so that no derivative is infinite.
    chosen = aimed.unsqueeze(1)
    image = torch.where(chosen, image, torch.ones_like(image))
    y = torch.where(chosen, y, torch.ones_like(y))
    length = image.norm(dim=1, keepdim=True)
    way = image / length
    vector = way * (length / (way * y).sum(dim=1, keepdim=True)).sqrt()
    return torch.where(chosen, vector, torch.zeros_like(vector))
