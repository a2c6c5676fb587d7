"""The optimiser that knows a family: its leap, its metric, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import FunctionObjective, Quadratic, Rosenbrock
from lsr1_pl.optim import (
    LBFGS,
    LSR1,
    Adam,
    DiagonalMetric,
    FamilyOptimizer,
    FeatureAimedLSR1,
    MeanSolution,
    Metric,
    MetricNetwork,
    PairLSR1,
    SecondMoment,
    StartNetwork,
    Status,
    minimize_batch,
    unroll,
)
from lsr1_pl.optim.family.solved import Solved, diagonal_from_signs, positive_hessian

N, F = 4, 3


def wild(optimizer: FamilyOptimizer) -> FamilyOptimizer:
    """With weights that say anything."""
    generator = torch.Generator().manual_seed(3)
    for parameter in optimizer.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data.add_(0.3 * noise.to(parameter))
    return optimizer.double().eval()


def problems(count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x0 = torch.randn(count, N, generator=generator, dtype=torch.float64)
    return x0, torch.randn(count, F, generator=generator, dtype=torch.float64)


def whole(inner: torch.nn.Module | None = None) -> FamilyOptimizer:
    torch.manual_seed(0)
    start, metric = StartNetwork(8, 1), MetricNetwork(8, 1)
    return wild(FamilyOptimizer(N, F, start, metric, inner))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "inner",
    [
        PairLSR1(4, 4),
        LBFGS(4),
        LBFGS(4, line_search="armijo"),
        Adam(0.5),
        FeatureAimedLSR1(N, F, 8),
    ],
    ids=lambda each: type(each).__name__,
)
def test_it_never_rises_whatever_was_learned(inner: torch.nn.Module) -> None:
    x0, features = problems(32)
    solver = whole(inner).knowing(features)
    path = unroll(solver, Rosenbrock(), x0, 6)
    assert bool(path.values.isfinite().all())
    assert bool((path.values[1:] <= path.values[:-1]).all())
    # Some leaps are taken, and some are not.
    leapt = path.values[1] < path.values[0]
    assert 0 < int(leapt.sum()) < 32
    assert torch.equal(path.evaluations[1] - path.evaluations[0], torch.ones(32, dtype=torch.long))
    found = minimize_batch(solver, Rosenbrock(), x0, 10)
    assert bool((found.evaluation.value <= Rosenbrock().value(x0)).all())


def test_a_start_that_is_not_finite_is_left() -> None:
    x0, features = problems(3)
    optimizer = whole()
    assert optimizer.start is not None
    optimizer.start.network.output.bias.data.fill_(torch.inf)
    path = unroll(optimizer.knowing(features), Rosenbrock(), x0, 3)
    assert torch.equal(path.iterates[1], x0)
    assert bool((path.values[-1] < path.values[0]).all())


@pytest.mark.parametrize("mean", [0.0, 9.0, 1e-9, 1.0], ids=["there", "higher", "near", "lower"])
@pytest.mark.parametrize("usual", [0.0, 2.0])
def test_a_start_that_brings_nothing_ends_no_problem(mean: float, usual: float) -> None:
    optimizer = FamilyOptimizer(3, start=MeanSolution()).double()
    optimizer.start.mean.fill_(mean)  # type: ignore[union-attr]
    x0 = torch.full((2, 3), usual).double()
    quartic = FunctionObjective(lambda x: 1 + (x - 2).square().sum(1) + (x - 2).pow(4).sum(1))
    found = minimize_batch(optimizer, quartic, x0, 60)
    assert found.status == [Status.CONVERGED] * 2
    torch.testing.assert_close(found.x, torch.full_like(x0, 2.0), rtol=0, atol=1e-6)


def test_a_problem_does_not_know_its_neighbours() -> None:
    x0, features = problems(5)
    optimizer = whole()
    together = unroll(optimizer.knowing(features), Rosenbrock(), x0, 5).iterates[-1]
    alone = unroll(optimizer.knowing(features[2:3]), Rosenbrock(), x0[2:3], 5).iterates[-1]
    torch.testing.assert_close(together[2:3], alone, rtol=1e-9, atol=1e-11)


def test_without_parts_it_is_the_optimiser_within() -> None:
    x0, _ = problems(4)
    inner = PairLSR1(4, 4).double().eval()
    ours = unroll(FamilyOptimizer(N, optimizer=inner), Rosenbrock(), x0, 6)
    theirs = unroll(inner, Rosenbrock(), x0, 6)
    assert torch.equal(ours.iterates, theirs.iterates)
    assert torch.equal(ours.evaluations, theirs.evaluations)


def test_a_metric_network_learns_the_inverse_root_of_the_hessian() -> None:
    torch.manual_seed(0)
    A = torch.randn(3, N, N, dtype=torch.float64)
    hessian = A @ A.mT + 0.1 * torch.eye(N, dtype=torch.float64)
    objective = Quadratic(hessian, torch.zeros(3, N, dtype=torch.float64))
    x = torch.zeros(3, N, dtype=torch.float64)
    found = positive_hessian(objective, x)
    torch.testing.assert_close(found, hessian)
    features = torch.eye(3, dtype=torch.float64)
    zero = torch.zeros(3, dtype=torch.float64)
    solved = Solved(features, x, x, zero, zero, found)
    metric = MetricNetwork(16, 1).module(N, 3).double()
    metric.measure(solved)
    optimizer = torch.optim.Adam(metric.parameters(), lr=2e-2)
    for _ in range(80):
        optimizer.zero_grad()
        loss = metric.loss(solved)
        loss.backward()
        optimizer.step()
    root = metric(features, x).root.detach()
    least = (N + torch.logdet(hessian)).mean()
    assert float(loss.detach()) - float(least) < 1e-3
    torch.testing.assert_close(
        root @ hessian @ root, torch.eye(N).double().expand(3, N, N), rtol=0, atol=0.1
    )


def test_a_flat_or_bent_hessian_is_made_positive() -> None:
    bent = torch.diag(torch.tensor([4.0, -1.0, 0.0])).unsqueeze(0)
    found = positive_hessian(Quadratic(bent, torch.zeros(1, 3)), torch.zeros(1, 3))
    torch.testing.assert_close(found[0].diagonal(), torch.tensor([4.0, 1.0, 4e-5]))


def test_a_second_moment_makes_the_way_round_and_the_mean_is_where_solutions_lie() -> None:
    torch.manual_seed(0)
    solution = torch.randn(500, N) @ torch.diag(torch.tensor([1.0, 2.0, 3.0, 0.5])) + 1
    start, zero = torch.zeros(500, N), torch.zeros(500)
    solved = Solved(torch.zeros(500, 0), start, solution, zero, zero, None)
    metric, mean = SecondMoment().module(N, 0), MeanSolution().module(N, 0)
    metric.measure(solved)
    mean.measure(solved)
    y = metric(start[:, :0], start).to_y(solution)
    torch.testing.assert_close(y.T @ y / 500, torch.eye(N), rtol=0, atol=1e-4)
    torch.testing.assert_close(mean(start[:2], start[:2, :0])[0], solution.mean(dim=0))
    # It is read again where it has changed.
    metric.measure(solved._replace(solution=2 * solution))
    torch.testing.assert_close(metric(start[:, :0], start).to_y(2 * solution), y, rtol=0, atol=1e-3)


def test_a_diagonal_metric_makes_the_mean_curvature_of_each_variable_one() -> None:
    scales = torch.tensor([[1.0, 4.0, 100.0, 0.0], [3.0, 4.0, 900.0, 0.0]])
    objective = Quadratic(torch.diag_embed(scales), torch.zeros(2, N))
    x, zero = torch.zeros(2, N), torch.zeros(2)
    metric = DiagonalMetric(floor=1e-3).module(N, 0)
    torch.testing.assert_close(metric(x[:, :0], x).root, torch.eye(N))
    curvature = metric.curvature(objective, x)
    # Signs that do not mix variables know a diagonal exactly.
    torch.testing.assert_close(curvature, scales)
    metric.measure(Solved(x[:, :0], x, x, zero, zero, curvature))
    known = metric(x[:, :0], x)
    expected = torch.tensor([2.0, 4.0, 500.0, 0.5]).sqrt()
    torch.testing.assert_close(known.inverse, expected.diag())
    torch.testing.assert_close(known.root @ known.inverse, torch.eye(N))


def test_signs_estimate_a_diagonal_and_say_the_same_each_time() -> None:
    torch.manual_seed(0)
    full = torch.randn(400, N, N)
    full = full + full.mT
    turned = lambda rows: (full @ rows.unsqueeze(2)).squeeze(2)  # noqa: E731
    found = diagonal_from_signs(turned, torch.zeros(400, N))
    assert torch.equal(found, diagonal_from_signs(turned, torch.zeros(400, N)))
    exact = torch.diagonal(full, dim1=1, dim2=2)
    # Of eight probes: the other three entries of a row, each of variance 2.
    assert abs(float((found - exact).square().mean()) - 3 * 2 / 8) < 0.15
    torch.testing.assert_close(found.mean(dim=0), exact.mean(dim=0), rtol=0, atol=0.2)


def test_a_metric_of_each_problem_is_that_of_one() -> None:
    roots = torch.stack([torch.diag(torch.tensor([1.0, 2.0])), torch.eye(2)])
    each = Metric(roots, roots.inverse())
    rows = torch.tensor([[1.0, 1.0], [3.0, 4.0]])
    assert torch.equal(each.to_x(rows), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    for name in ("to_x", "to_y", "gradient_in_y", "gradient_in_x"):
        one = getattr(Metric(roots[0], roots[0].inverse()), name)(rows[:1])
        assert torch.equal(getattr(each, name)(rows)[:1], one)


def test_bad_inputs_are_named() -> None:
    x0, features = problems(3)
    optimizer = whole()
    objective = Rosenbrock()
    with pytest.raises(UserError, match=r"got none; give features \(B, 3\)"):
        unroll(optimizer, objective, x0, 1)
    with pytest.raises(UserError, match=r"shaped \(3, 2\); this optimiser was made for \(B, 3\)"):
        optimizer.knowing(features[:, :2])
    with pytest.raises(UserError, match="must be finite"):
        optimizer.knowing(features * torch.nan)
    with pytest.raises(UserError, match="problems of 4 variables; x0 has 2"):
        unroll(optimizer.knowing(features), objective, x0[:, :2], 1)
    with pytest.raises(UserError, match="x0 has 3 problems and features 2"):
        unroll(optimizer.knowing(features[:2]), objective, x0, 1)
    with pytest.raises(UserError, match="take SecondMoment"):
        FamilyOptimizer(100, F, metric=MetricNetwork())
    with pytest.raises(UserError, match="take MeanSolution"):
        FamilyOptimizer(N, start=StartNetwork())
    with pytest.raises(UserError, match="variables is 0"):
        FamilyOptimizer(0)
    with pytest.raises(UserError, match="features is -1"):
        FamilyOptimizer(2, -1)
    with pytest.raises(UserError, match="floor is 0"):
        SecondMoment(0)
    with pytest.raises(UserError, match="DiagonalMetric floor is 2"):
        DiagonalMetric(2)
    with pytest.raises(UserError, match=r"made for features \(B, 2\)"):
        FeatureAimedLSR1(N, 2).knowing(features)
    with pytest.raises(UserError, match="made for 4 variables"):
        unroll(FeatureAimedLSR1(N), objective, x0[:, :2], 1)
    assert optimizer.knowing(features).knowing(None) is not None
    assert isinstance(LSR1().knowing(features), LSR1)
