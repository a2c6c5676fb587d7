"""Rotations: group laws, and derivatives where they are easily wrong."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from lsr1_pl.body.rotations import axis_angle, compose, rotation_matrix, wrap

AXIS = torch.tensor([0.48, -0.6, 0.64], dtype=torch.float64)
ANGLES = [0.0, 1e-9, 1e-4, 0.0999, 0.1001, 1.0, math.pi - 1e-6, math.pi, 2 * math.pi, 7.0]

component = st.floats(-20, 20, allow_nan=False)
vectors = st.tuples(component, component, component).map(
    lambda v: torch.tensor(v, dtype=torch.float64)
)


def at(angle: float, *, requires_grad: bool = False) -> Tensor:
    return (angle * AXIS).requires_grad_(requires_grad)


@pytest.mark.parametrize("angle", ANGLES)
def test_matrix_equals_scipy(angle: float) -> None:
    expected = torch.tensor(Rotation.from_rotvec(at(angle).numpy()).as_matrix())
    torch.testing.assert_close(rotation_matrix(at(angle)), expected, rtol=0, atol=1e-14)


@settings(deadline=None)
@given(vectors)
def test_matrices_are_rotations(vector: Tensor) -> None:
    for dtype, tolerance in ((torch.float64, 1e-13), (torch.float32, 5e-6)):
        matrix = rotation_matrix(vector.to(dtype))
        identity = torch.eye(3, dtype=dtype)
        torch.testing.assert_close(matrix @ matrix.mT, identity, rtol=0, atol=tolerance)
        assert abs(torch.det(matrix).item() - 1) < tolerance


@pytest.mark.parametrize("angle", ANGLES)
def test_matrix_derivatives(angle: float) -> None:
    vector = at(angle, requires_grad=True)
    assert gradcheck(rotation_matrix, (vector,))
    assert gradgradcheck(rotation_matrix, (vector,))


def test_second_derivative_at_zero_is_the_generators_product() -> None:
    # R = I + K + K^2/2 + ..., so d2 R_00 / dy2 = -1 and d2 R_01 / dx dy = 1/2 at 0.
    zero = torch.zeros(3, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda v: rotation_matrix(v)[0, 0], zero)
    torch.testing.assert_close(hessian, torch.diag(torch.tensor([0.0, -1, -1])).double())
    hessian = torch.autograd.functional.hessian(lambda v: rotation_matrix(v)[0, 1], zero)
    assert hessian[0, 1].item() == pytest.approx(0.5)


@settings(deadline=None)
@given(vectors)
def test_logarithm_inverts_the_exponential(vector: Tensor) -> None:
    logarithm = axis_angle(rotation_matrix(vector))
    assert logarithm.norm() <= math.pi + 1e-12
    torch.testing.assert_close(
        rotation_matrix(logarithm), rotation_matrix(vector), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-9, 1e-5, 0.19, 0.21, 2.0, math.pi - 1e-7])
def test_logarithm_gives_the_vector_back(angle: float) -> None:
    torch.testing.assert_close(
        axis_angle(rotation_matrix(at(angle))), at(angle), rtol=1e-7, atol=1e-15
    )


def test_half_turns_about_each_axis() -> None:
    for axis in (*torch.eye(3, dtype=torch.float64), AXIS):
        matrix = 2 * torch.outer(axis, axis) - torch.eye(3, dtype=torch.float64)
        vector = axis_angle(matrix)
        torch.testing.assert_close(vector.abs(), math.pi * axis.abs())
        torch.testing.assert_close(rotation_matrix(vector), matrix)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.2, 1.0, 2.5, math.pi - 1e-5])
def test_logarithm_derivatives(angle: float) -> None:
    # About the vector itself, log(exp(v)) is v: its first derivative is 1, its second is 0.
    def round_trip(vector: Tensor) -> Tensor:
        return axis_angle(rotation_matrix(vector))

    vector = at(angle, requires_grad=True)
    first = torch.autograd.functional.jacobian(round_trip, vector)
    torch.testing.assert_close(first, torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-8)
    second = torch.autograd.functional.hessian(lambda v: round_trip(v).sum(), vector)
    torch.testing.assert_close(second, torch.zeros_like(second), rtol=0, atol=1e-7)
    assert gradgradcheck(round_trip, (vector,), atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_derivatives_are_finite_through_pi(dtype: torch.dtype) -> None:
    for offset in (-1e-3, -1e-7, 0.0, 1e-7, 1e-3):
        for axis in (*torch.eye(3, dtype=torch.float64), AXIS):
            vector = ((math.pi + offset) * axis).to(dtype).requires_grad_()
            matrix = rotation_matrix(vector)
            (first,) = torch.autograd.grad(axis_angle(matrix).sum(), vector, create_graph=True)
            (second,) = torch.autograd.grad(first.square().sum(), vector)
            assert first.isfinite().all()
            assert second.isfinite().all()


@settings(deadline=None)
@given(vectors, vectors)
def test_compose_applies_the_second_first(first: Tensor, second: Tensor) -> None:
    expected = rotation_matrix(first) @ rotation_matrix(second)
    torch.testing.assert_close(
        rotation_matrix(compose(first, second)), expected, rtol=0, atol=1e-12
    )


@settings(deadline=None)
@given(vectors)
def test_wrap_keeps_the_rotation_and_shortens_the_vector(vector: Tensor) -> None:
    wrapped = wrap(vector)
    assert wrapped.norm() <= math.pi + 1e-12
    torch.testing.assert_close(
        rotation_matrix(wrapped), rotation_matrix(vector), rtol=0, atol=1e-12
    )
    if vector.norm() < math.pi:
        torch.testing.assert_close(wrapped, vector, rtol=0, atol=0)


@pytest.mark.parametrize("angle", [0.0, 3.0, 4.0, 9.0])
def test_wrap_derivatives(angle: float) -> None:
    vector = at(angle, requires_grad=True)
    assert gradcheck(wrap, (vector,))
    assert gradgradcheck(wrap, (vector,))
