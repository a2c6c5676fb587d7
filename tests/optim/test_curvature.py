"""The implicit preconditioner against its dense form."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr1_pl.optim import LowRankCurvature

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 7), st.integers(0, 9))


def filled(batch: int, capacity: int, size: int, pushed: int, scale: float) -> LowRankCurvature:
    generator = torch.Generator().manual_seed(batch + 10 * capacity + 100 * size + 1000 * pushed)
    like = torch.zeros(batch, size, dtype=torch.float64)
    curvature = LowRankCurvature.empty(like, capacity, scale)
    for _ in range(pushed):
        vector = torch.randn(batch, size, generator=generator, dtype=torch.float64)
        curvature = curvature.push(vector)
    return curvature


@given(shape=SHAPES, scale=st.sampled_from([0.0, 0.3, 1.0]))
@settings(max_examples=50, deadline=None)
def test_matvec_equals_the_dense_product(shape: tuple[int, int, int, int], scale: float) -> None:
    curvature = filled(*shape, scale)
    y = torch.randn(shape[0], shape[2], dtype=torch.float64)
    dense = (curvature.dense() @ y.unsqueeze(2)).squeeze(2)
    torch.testing.assert_close(curvature.matvec(y), dense)


@given(shape=SHAPES, scale=st.sampled_from([0.0, 0.3, 1.0]))
@settings(max_examples=50, deadline=None)
def test_is_symmetric_and_positive_semidefinite(
    shape: tuple[int, int, int, int], scale: float
) -> None:
    dense = filled(*shape, scale).dense()
    torch.testing.assert_close(dense, dense.mT)
    assert torch.linalg.eigvalsh(dense).min() >= scale - 1e-9


def test_gradients_equal_those_of_the_dense_form() -> None:
    torch.manual_seed(0)
    vectors = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    scale = torch.rand(3, 1, dtype=torch.float64, requires_grad=True)
    p, q = torch.randn(2, 3, 5, dtype=torch.float64).requires_grad_()
    curvature = LowRankCurvature(scale, vectors, 4)
    implicit = curvature.secant_residual(p, q)
    dense = (p - (curvature.dense() @ q.unsqueeze(2)).squeeze(2)).square().sum(dim=1)
    torch.testing.assert_close(implicit, dense)
    inputs = (vectors, scale)
    got = torch.autograd.grad(implicit.sum(), inputs, retain_graph=True)
    expected = torch.autograd.grad(dense.sum(), inputs)
    torch.testing.assert_close(got, expected)


def test_gradcheck() -> None:
    torch.manual_seed(1)
    scale = torch.rand(2, 1, dtype=torch.float64, requires_grad=True)
    vectors = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    p, q = torch.randn(2, 2, 4, dtype=torch.float64)

    def residual(scale: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        return LowRankCurvature(scale, vectors, 3).secant_residual(p, q)

    assert torch.autograd.gradcheck(residual, (scale, vectors))
    assert torch.autograd.gradgradcheck(residual, (scale, vectors))


@pytest.mark.parametrize(("capacity", "pushed"), [(1, 3), (3, 2), (3, 3), (3, 7)])
def test_keeps_the_last_vectors_and_evicts_the_oldest(capacity: int, pushed: int) -> None:
    curvature = LowRankCurvature.empty(torch.zeros(1, 2), capacity)
    for k in range(pushed):
        curvature = curvature.push(torch.full((1, 2), float(k)))
    kept = min(capacity, pushed)
    assert curvature.count == kept
    assert curvature.vectors[0, capacity - kept :, 0].tolist() == list(range(pushed - kept, pushed))
    assert not curvature.vectors[0, : capacity - kept].any()


def test_an_exact_secant_pair_leaves_no_residual() -> None:
    """v = r / sqrt(r.q), r = p - B0 q, is SR1's own update: it satisfies its pair."""
    p = torch.tensor([[2.0, 1.0, 0.0]], dtype=torch.float64)
    q = torch.tensor([[1.0, 0.5, 0.25]], dtype=torch.float64)
    r = p - q
    curvature = LowRankCurvature.empty(p, 4).push(r / (r * q).sum().sqrt())
    assert curvature.secant_residual(p, q).item() < 1e-28
