"""Classical optimisers against trusted references, problem by problem."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import scipy.optimize
import torch
from random_problems import one_of, quadratics, starts
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import DiagonalQuadratic, FunctionObjective, Quadratic, Rosenbrock
from lsr1_pl.optim import (
    BFGS,
    LBFGS,
    SR1,
    AdaHessian,
    Adam,
    BatchedOptimizer,
    GradientDescent,
    Nesterov,
    Newton,
    unroll,
)
from lsr1_pl.optim.classical.bfgs import bfgs_update
from lsr1_pl.optim.classical.sr1 import identities, sr1_update

TorchOptimizer = Callable[[list[Tensor]], torch.optim.Optimizer]

REFERENCES: list[tuple[BatchedOptimizer, TorchOptimizer]] = [
    (GradientDescent(1e-3), lambda p: torch.optim.SGD(p, lr=1e-3)),
    (Nesterov(2e-4, 0.8), lambda p: torch.optim.SGD(p, lr=2e-4, momentum=0.8, nesterov=True)),
    (Adam(0.05, 0.8, 0.95), lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.8, 0.95))),
]


def iterates_of(
    reference: TorchOptimizer, value: Callable[[Tensor], Tensor], x0: Tensor, steps: int
) -> Tensor:
    """(steps + 1, N): what a torch optimiser does from ``x0`` (1, N)."""
    x = x0.clone().requires_grad_()
    optimizer = reference([x])
    path = [x0[0]]
    for _ in range(steps):
        optimizer.zero_grad()
        value(x).sum().backward(create_graph=True)
        optimizer.step()
        path.append(x.detach()[0].clone())
    return torch.stack(path)


@pytest.mark.parametrize(("ours", "reference"), REFERENCES)
def test_equals_torch(ours: BatchedOptimizer, reference: TorchOptimizer) -> None:
    x0 = starts(5, 4)
    with torch.no_grad():
        together = unroll(ours, Rosenbrock(), x0, 20).iterates
    for i in range(len(x0)):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Using backward.*create_graph")
            alone = iterates_of(reference, Rosenbrock().value, x0[i : i + 1], 20)
        torch.testing.assert_close(alone, together[:, i], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("history", [1, 3, 8])
@pytest.mark.parametrize("name", ["quadratic", "rosenbrock"])
def test_lbfgs_without_search_equals_torch_first_step_included(name: str, history: int) -> None:
    # Unit steps do not converge on Rosenbrock from everywhere: few steps, before rounding grows.
    steps = 15 if name == "quadratic" else 6
    for i in range(4):
        objective = (
            quadratics(1, 5, seed=i, unit_norm=True) if name == "quadratic" else Rosenbrock()
        )
        x0 = starts(4, 5)[i : i + 1]
        ours = unroll(LBFGS(history), objective, x0, steps).iterates[:, 0]
        slopes = torch.stack([objective.evaluate(x[None]).gradient[0] for x in ours])
        curvatures = (ours.diff(dim=0) * slopes.diff(dim=0)).sum(dim=1)
        for k in range(1, steps + 1):
            if k > 1 and float(curvatures[k - 2]) <= 1e-10:
                assert k > 5
                break  # torch drops so small a pair, however well it is conditioned
            # One call a length: stepping torch's with max_iter=1 would restart its stopping tests.
            x = x0.clone().requires_grad_()
            optimizer = torch.optim.LBFGS(
                [x],
                max_iter=k,
                history_size=history,
                tolerance_grad=0,
                tolerance_change=0,
                max_eval=10_000,
            )

            def closure(
                x: Tensor = x, optimizer: torch.optim.Optimizer = optimizer, f: object = objective
            ) -> Tensor:
                optimizer.zero_grad()
                value: Tensor = f.value(x).sum()  # type: ignore[attr-defined]
                value.backward()
                return value

            optimizer.step(closure)
            torch.testing.assert_close(x.detach()[0], ours[k], rtol=1e-6, atol=1e-9)


def test_adahessian_equals_pytorch_optimizer() -> None:
    reference = pytest.importorskip("pytorch_optimizer")
    # The Hessian is diagonal, so that the reference's own random signs do not matter.
    objective = FunctionObjective(lambda x: (x**4 + torch.cos(x)).sum(dim=1))
    x0 = starts(3, 4) + 1

    def adahessian(p: list[Tensor]) -> torch.optim.Optimizer:
        made: torch.optim.Optimizer = reference.AdaHessian(
            p,
            lr=0.15,
            betas=(0.9, 0.99),
            eps=1e-4,
            num_samples=1,
            hessian_distribution="rademacher",
        )
        return made

    together = unroll(AdaHessian(0.15, 0.9, 0.99, 1e-4), objective, x0, 10).iterates
    for i in range(len(x0)):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Using backward.*create_graph")
            alone = iterates_of(adahessian, objective.value, x0[i : i + 1], 10)
        torch.testing.assert_close(alone, together[:, i].detach(), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_adahessian_curvature_is_exact_for_a_diagonal_hessian(seed: int) -> None:
    x = starts(3, 6)
    objective = DiagonalQuadratic(100.0)
    diagonal = AdaHessian(0.1, seed=seed).hessian_diagonal(x, objective, step=3)
    torch.testing.assert_close(diagonal, objective.eigenvalues(x).expand_as(x))


def test_adahessian_estimate_converges_to_the_diagonal() -> None:
    objective, x = quadratics(2, 5, unit_norm=True), starts(2, 5)
    estimate = AdaHessian(0.1, samples=4000).hessian_diagonal(x, objective, step=1)
    truth = objective.H.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(estimate, truth, rtol=0, atol=0.03)


def test_bfgs_update_equals_scipys() -> None:
    generator = np.random.default_rng(0)
    scipy_update = scipy.optimize.BFGS(exception_strategy="skip_update", init_scale=1.0)
    scipy_update.initialize(5, "inv_hess")
    inverse = identities(torch.zeros(1, 5, dtype=torch.float64))
    A = generator.normal(size=(5, 5))
    for _ in range(8):
        p = generator.normal(size=5)
        q = (A.T @ A) @ p
        scipy_update.update(p, q)
        inverse = bfgs_update(inverse, torch.tensor(p[None]), torch.tensor(q[None]))
        np.testing.assert_allclose(inverse[0].numpy(), scipy_update.get_matrix(), rtol=1e-9)


def test_bfgs_skips_pairs_of_negative_curvature() -> None:
    inverse = identities(torch.zeros(2, 3, dtype=torch.float64))
    p = torch.ones(2, 3, dtype=torch.float64)
    updated = bfgs_update(inverse, p, torch.stack([-p[0], 2 * p[0]]))
    assert torch.equal(updated[0], inverse[0])
    torch.testing.assert_close(updated[1] @ (2 * p[1]), p[1])


@pytest.mark.parametrize("size", [2, 5, 10])
def test_bfgs_with_exact_search_minimises_a_quadratic_within_n_steps(size: int) -> None:
    objective = quadratics(8, size, unit_norm=True)
    path = unroll(BFGS("exact"), objective, starts(8, size), size)
    torch.testing.assert_close(path.iterates[-1], objective.minimizer(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [2, 5, 12])
def test_sr1_with_unit_steps_minimises_a_quadratic_within_n_plus_1_steps(size: int) -> None:
    # Eigenvalues around 1, evenly: else the steps become parallel, to rounding, before N are made.
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(8, size, size, dtype=torch.float64, generator=generator)
    basis = torch.linalg.qr(A)[0]
    H = basis @ torch.linspace(0.1, 1.9, size, dtype=torch.float64).diag() @ basis.mT
    objective = Quadratic(H, A[:, 0])
    path = unroll(SR1(), objective, starts(8, size), size + 1)
    torch.testing.assert_close(path.iterates[-1], objective.minimizer(), rtol=1e-5, atol=1e-5)


def test_sr1_update_satisfies_the_secant_or_is_skipped() -> None:
    torch.manual_seed(0)
    p, q = torch.randn(2, 6, 4, dtype=torch.float64)
    inverse = identities(p)
    # r = p - q is orthogonal to q in the last problem.
    p[-1], q[-1] = torch.tensor([[1.0, 1, 0, 0], [1.0, 0, 0, 0]])
    updated = sr1_update(inverse, p, q, skip=1e-8)
    torch.testing.assert_close((updated @ q.unsqueeze(2)).squeeze(2)[:-1], p[:-1])
    assert torch.equal(updated[-1], inverse[-1])


def test_newton_takes_one_step_and_stays_where_the_hessian_is_singular() -> None:
    objective = quadratics(3, 4, unit_norm=True)
    objective.H[1] = 0.0
    x0 = starts(3, 4)
    path = unroll(Newton(), objective, x0, 1)
    for i in (0, 2):
        minimizer = one_of(objective, i).minimizer()
        torch.testing.assert_close(path.iterates[1, i : i + 1], minimizer)
    assert torch.equal(path.iterates[1, 1], x0[1])
    assert path.evaluations[-1].tolist() == [1 + 5] * 3


def test_bad_options_are_named() -> None:
    for wrong, name in (
        (lambda: GradientDescent(0.0), "learning_rate"),
        (lambda: Adam(0.1, beta2=1.0), "beta2"),
        (lambda: Nesterov(0.1, momentum=-0.1), "momentum"),
        (lambda: AdaHessian(samples=0), "samples"),
        (lambda: BFGS("wolfe"), "line_search"),  # type: ignore[arg-type]
        (lambda: LBFGS(0), "history_size"),
        (lambda: SR1(skip=2.0), "skip"),
        (lambda: AdaHessian(hessian_power=3.0), "hessian_power"),
        (lambda: LBFGS(line_search="exact"), "strong_wolfe"),  # type: ignore[arg-type]
    ):
        with pytest.raises(UserError, match=name):
            wrong()


@pytest.mark.parametrize("height", [1e-14, 1.0, 1e14])
def test_lbfgs_keeps_the_pairs_of_small_functions(height: float) -> None:
    scale = torch.logspace(-1, 1, 5, dtype=torch.float64)
    objective = FunctionObjective(lambda x: height * (scale * (x - 3)).cosh().log().sum(dim=1))
    with torch.no_grad():
        path = unroll(LBFGS(5, "strong_wolfe"), objective, starts(4, 5), 60)
    fallen = path.values[-1] / path.values[0]
    assert float(fallen.max()) < 1e-8
