"""The gradient of a minimiser by what its function depends on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import lsr1_pl
from lsr1_pl.ground.errors import UserError

D = torch.float64


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=D, generator=torch.Generator().manual_seed(seed))


def test_ridge_regression_has_the_gradient_of_its_closed_form() -> None:
    A, y = drawn(20, 5), drawn(20, seed=1)
    weight = torch.tensor(0.7, dtype=D, requires_grad=True)

    def ridge(x: Tensor) -> Tensor:
        return (A @ x - y).square().sum() + weight * x.square().sum()

    found = lsr1_pl.minimize(ridge, torch.zeros(5, dtype=D), differentiable=True)
    (ours,) = torch.autograd.grad(found.x.sum(), weight)
    exact = torch.linalg.solve(A.mT @ A + weight * torch.eye(5, dtype=D), A.mT @ y)
    (theirs,) = torch.autograd.grad(exact.sum(), weight)
    torch.testing.assert_close(found.x, exact, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
    residual = lsr1_pl.least_squares(
        lambda x: torch.cat([A @ x - y, weight.sqrt() * x]),
        torch.zeros(5, dtype=D),
        differentiable=True,
    )
    (of_squares,) = torch.autograd.grad(residual.x.sum(), weight)
    torch.testing.assert_close(of_squares, theirs, rtol=1e-6, atol=1e-9)


def test_each_problem_of_a_batch_has_its_own_gradient() -> None:
    root, b = drawn(4, 6, 6), drawn(4, 6, seed=2).requires_grad_()
    H = root @ root.mT + torch.eye(6, dtype=D)

    def quadratic(x: Tensor) -> Tensor:
        return 0.5 * torch.einsum("bi,bij,bj->b", x, H, x) - (b * x).sum(dim=1)

    found = lsr1_pl.minimize(quadratic, torch.zeros(4, 6, dtype=D), differentiable=True)
    v = drawn(4, 6, seed=3)
    (ours,) = torch.autograd.grad((v * found.x).sum(), b)
    torch.testing.assert_close(ours, torch.linalg.solve(H, v), rtol=1e-7, atol=1e-9)


def test_it_agrees_with_finite_differences_within_bounds_too() -> None:
    def ended(w: Tensor, bounded: bool, differentiable: bool) -> Tensor:
        def function(x: Tensor) -> Tensor:
            return (x - w).cosh().sum() + 0.1 * (x[0] * x[1] - w[2]) ** 2 + 0.05 * x.pow(4).sum()

        found: Tensor = lsr1_pl.minimize(
            function,
            torch.zeros(3, dtype=D),
            tol=0.0,
            bounds=(None, 0.4) if bounded else None,
            differentiable=differentiable,
        ).x
        return found

    w = torch.tensor([0.5, -0.8, 1.5], dtype=D, requires_grad=True)
    for bounded in (False, True):
        jacobian = torch.stack(
            [torch.autograd.grad(ended(w, bounded, True)[i], w)[0] for i in range(3)]
        )
        h = 3e-3
        for j, unit in enumerate(torch.eye(3, dtype=D)):
            up, down = (ended(w.detach() + s * h * unit, bounded, False) for s in (1, -1))
            torch.testing.assert_close(jacobian[:, j], (up - down) / (2 * h), rtol=1e-4, atol=1e-4)
        assert bool((jacobian[2] == 0).all()) is bounded


def test_it_is_refused_where_there_is_none() -> None:
    w = torch.tensor(2.0, dtype=D, requires_grad=True)
    start = torch.tensor([-1.2, 1.0], dtype=D)

    def rosenbrock(x: Tensor) -> Tensor:
        return 100 * (x[1] - x[0] ** 2) ** 2 + (w - x[0]) ** 2

    with pytest.raises(UserError, match="ended as stopped"):
        lsr1_pl.minimize(rosenbrock, start, steps=3, differentiable=True)
    with pytest.raises(UserError, match="NumPy"):
        lsr1_pl.minimize(rosenbrock, start.numpy(), differentiable=True)
    with pytest.raises(UserError, match="without jac"):
        lsr1_pl.minimize(rosenbrock, start, jac=lambda x: x, differentiable=True)
    # The minimiser is not unique along x[1].
    flat = lsr1_pl.minimize(lambda x: (x[0] + x[1] - w).square(), start, differentiable=True)
    with pytest.raises(UserError, match="singular"):
        flat.x[0].backward()


def test_without_it_nothing_is_attached() -> None:
    w = torch.tensor(2.0, dtype=D, requires_grad=True)
    found = lsr1_pl.minimize(lambda x: (x - w).square().sum(), torch.zeros(2, dtype=D))
    assert not found.x.requires_grad
    nest = lsr1_pl.minimize(
        lambda x: (x["a"] - w).square().sum(), {"a": torch.zeros(2, dtype=D)}, differentiable=True
    )
    nest.x["a"].sum().backward()
    assert w.grad is not None
    np.testing.assert_allclose(w.grad, 2.0)
