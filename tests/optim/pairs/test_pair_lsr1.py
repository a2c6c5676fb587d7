"""L-SR1 on raw pairs: the laws of its preconditioner, and what it promises of any function."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_problems import quadratics
from torch import Tensor

from lsr1_pl.objectives import FunctionObjective, Quadratic, Rastrigin, Rosenbrock
from lsr1_pl.optim import LBFGS, PairLSR1, SecantPairs, unroll

BATCH, SIZE = 6, 12


def pairs_of(hessian: Tensor | None, count: int, capacity: int, seed: int = 0) -> SecantPairs:
    generator = torch.Generator().manual_seed(seed)
    pairs = SecantPairs.empty(torch.zeros(BATCH, SIZE, dtype=torch.float64), capacity)
    for _ in range(count):
        p, noise = torch.randn(2, BATCH, SIZE, dtype=torch.float64, generator=generator)
        q = noise if hessian is None else torch.einsum("bij,bj->bi", hessian, p)
        pairs = pairs.push(p, q)
    return pairs


def dense(pairs: SecantPairs, trust: float, gamma: float) -> Tensor:
    """B (B, N, N), column by column."""
    products = pairs.products()
    conjugated = pairs.conjugated(products, torch.full_like(products, trust))
    columns = []
    for unit in torch.eye(SIZE, dtype=torch.float64):
        split = conjugated.split_product(unit.expand(BATCH, -1))
        columns.append(split.known + gamma * split.unknown)
    return torch.stack(columns, dim=2)


def trained(**options: int) -> PairLSR1:
    """With outputs that are not zero, as training leaves them."""
    torch.manual_seed(0)
    optimizer = PairLSR1(**options).double()
    torch.nn.init.normal_(optimizer.output.weight, std=0.1)
    return optimizer.eval()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10), st.floats(0, 1), st.floats(1e-3, 1e3), st.booleans(), st.integers(0, 99))
def test_b_is_symmetric_and_positive(
    count: int, trust: float, gamma: float, quadratic: bool, seed: int
) -> None:
    hessian = quadratics(BATCH, SIZE, seed=seed).H if quadratic else None
    B = dense(pairs_of(hessian, count, 4, seed), trust, gamma)
    size = B.abs().amax(dim=(1, 2), keepdim=True)
    assert bool(((B - B.mT).abs() <= 1e-9 * size).all())
    assert bool((torch.linalg.eigvalsh(B)[:, 0] >= -1e-9 * size[:, 0, 0]).all())


def test_every_secant_of_a_quadratic_is_kept() -> None:
    pairs = pairs_of(quadratics(BATCH, SIZE).H, 7, 5)
    B = dense(pairs, 1.0, 0.37)
    torch.testing.assert_close(torch.einsum("bij,blj->bli", B, pairs.changes), pairs.steps)
    # Without trust only the newest is, as in L-BFGS.
    B = dense(pairs, 0.0, 0.37)
    met = torch.einsum("bij,blj->bli", B, pairs.changes)
    torch.testing.assert_close(met[:, -1], pairs.steps[:, -1])
    assert float((met[:, 0] - pairs.steps[:, 0]).abs().max()) > 0.1


def test_without_trust_it_is_the_two_loop_recursion() -> None:
    pairs = pairs_of(quadratics(BATCH, SIZE).H, 6, 4)
    y = torch.randn(BATCH, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    scale = torch.full((BATCH,), 0.7, dtype=torch.float64)
    split = pairs.split_product(y)
    ours = split.known + 0.7 * split.unknown
    torch.testing.assert_close(ours, two_loop(y, pairs, 0.7))
    torch.testing.assert_close(pairs.product(y, scale), two_loop(y, pairs, 0.7))


def two_loop(y: Tensor, pairs: SecantPairs, gamma: float) -> Tensor:
    """Algorithm 7.4 of Nocedal and Wright, problem by problem."""
    found = []
    for g, steps, changes in zip(y, pairs.steps, pairs.changes, strict=True):
        rho = 1 / (steps * changes).sum(dim=1)
        q, alphas = g, []
        for i in reversed(range(len(steps))):
            alphas.append(rho[i] * steps[i] @ q)
            q = q - alphas[-1] * changes[i]
        r = gamma * q
        for i, alpha in enumerate(reversed(alphas)):
            r = r + steps[i] * (alpha - rho[i] * changes[i] @ r)
        found.append(r)
    return torch.stack(found)


def test_a_pair_of_negative_curvature_is_left_out() -> None:
    pairs = pairs_of(quadratics(BATCH, SIZE).H, 2, 3)
    p = torch.randn(BATCH, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    after = pairs.push(p, -p)
    assert torch.equal(after.steps, pairs.steps)
    assert torch.equal(after.changes, pairs.changes)


def test_the_skeleton_follows_conjugate_gradients_on_quadratics() -> None:
    objective = quadratics(BATCH, SIZE)
    x = torch.ones(BATCH, SIZE, dtype=torch.float64)
    minimum = objective.minimum()
    with torch.no_grad():
        values = unroll(PairLSR1(buffer_size=SIZE).double(), objective, x, SIZE + 3).values
        rivals = unroll(LBFGS(SIZE, "strong_wolfe"), objective, x, SIZE + 3).values
    ours = (values[-1] - minimum) / (values[0] - minimum)
    theirs = (rivals[-1] - minimum) / (rivals[0] - minimum)
    assert float(ours.max()) < 1e-12
    assert float(theirs.median()) > 1e3 * float(ours.abs().median())


def test_a_large_memory_costs_nothing_off_quadratics() -> None:
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(12, 30, dtype=torch.float64, generator=generator)

    def evaluations(memory: int) -> float:
        with torch.no_grad():
            path = unroll(PairLSR1(memory).double(), Rosenbrock(), x, 70)
        solved = path.values < 1e-8
        assert bool(solved[-1].all())
        first = solved.int().argmax(dim=0, keepdim=True)
        return float(path.evaluations.gather(0, first).double().mean())

    assert evaluations(32) <= 1.05 * evaluations(8)


def test_training_starts_at_the_skeleton() -> None:
    x = torch.rand(BATCH, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        fresh = unroll(PairLSR1(hidden_dim=32).double(), Rosenbrock(), x, 12)
        plain = unroll(trained().skeleton(), Rosenbrock(), x, 12)
        other = unroll(trained(), Rosenbrock(), x, 12)
    assert torch.equal(fresh.iterates, plain.iterates)
    assert not torch.allclose(fresh.iterates, other.iterates)


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 1e3, 1e6])
def test_no_unit_of_f_or_x_matters(factor: float) -> None:
    x = torch.rand(BATCH, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    optimizer = trained()
    for function in (Rosenbrock(), Rastrigin()):
        with torch.no_grad():
            plain = unroll(optimizer, function, x, 8)
            taller = unroll(
                optimizer, FunctionObjective(lambda x, f=function: factor * f.value(x)), x, 8
            )
            wider = unroll(
                optimizer,
                FunctionObjective(lambda x, f=function: f.value(x / factor)),
                factor * x,
                8,
            )
        torch.testing.assert_close(taller.iterates, plain.iterates, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(wider.iterates / factor, plain.iterates, rtol=1e-4, atol=1e-4)
        assert torch.equal(taller.evaluations, plain.evaluations)


def test_the_order_of_variables_does_not_matter() -> None:
    order = torch.randperm(SIZE, generator=torch.Generator().manual_seed(8))
    objective = quadratics(BATCH, SIZE)
    shuffled = Quadratic(objective.H[:, order][:, :, order], objective.b[:, order])
    x = torch.randn(BATCH, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        plain = unroll(trained(), objective, x, 8).iterates
        moved = unroll(trained(), shuffled, x[:, order], 8).iterates
    torch.testing.assert_close(moved, plain[:, :, order], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_value_never_rises_and_stays_finite(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(11)
    x = 3 * torch.randn(64, 8, dtype=dtype, generator=generator)

    def broken(x: Tensor) -> Tensor:
        value = Rosenbrock().value(x)
        return torch.where(x[:, 0] < -1, torch.full_like(value, torch.nan), value)

    functions = (
        Rosenbrock(),
        Rastrigin(),
        FunctionObjective(broken),
        FunctionObjective(lambda x: x.sum(dim=1)),
        FunctionObjective(lambda x: -x.square().sum(dim=1)),
        FunctionObjective(lambda x: 0 * x.sum(dim=1)),
        FunctionObjective(lambda x: x.abs().sum(dim=1)),
    )
    for function in functions:
        with torch.no_grad():
            path = unroll(trained().to(dtype), function, x, 30)
        sound = path.values[0].isfinite()
        assert bool(path.values[:, sound].isfinite().all())
        assert bool(path.iterates[:, sound].isfinite().all())
        assert bool((path.values[:, sound].diff(dim=0) <= 0).all())
        assert torch.equal(path.iterates[-1, ~sound], x[~sound])


def test_it_trains() -> None:
    x = torch.rand(BATCH, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    optimizer = trained()
    unroll(optimizer, Rosenbrock(), x, 6).values[-1].sum().backward()
    norms = [float(p.grad.norm()) for p in optimizer.parameters() if p.grad is not None]
    assert len(norms) == 6
    assert all(0 < norm < 1e6 for norm in norms)
