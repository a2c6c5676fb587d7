"""A family of one's own: drawn, learned in seconds, saved, exported, and solved by name."""

from __future__ import annotations

import math

import pytest
import torch
from quick_trainer import trainer
from torch import Tensor

from lsr1_pl.data import FamilyDataModule, QuadraticsDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Quadratic
from lsr1_pl.objectives.families import ArmFamily, ProblemFamily, Problems
from lsr1_pl.optim import (
    LBFGS,
    DiagonalMetric,
    FamilyOptimizer,
    FeatureAimedLSR1,
    MeanSolution,
    MetricNetwork,
    PairLSR1,
    SecondMoment,
    StartNetwork,
    unroll,
)
from lsr1_pl.tasks import FamilyTask, LogRatioToSkeleton, MeanValue, Phases

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers")


class Bowls(ProblemFamily):
    """Quadratics of one stiff Hessian, whose minimisers are their features plus one."""

    variables = 3
    features = 3

    def __init__(self, wrong: str = "") -> None:
        self.wrong = wrong

    def sample(self, count: int, generator: torch.Generator) -> Problems:
        hessian = torch.tensor([[50.0, 9.0, 0.0], [9.0, 2.0, 0.0], [0.0, 0.0, 0.1]])
        H = hessian.repeat(count, 1, 1)
        features = torch.randn(count, 3, generator=generator)
        b = -torch.einsum("bij,bj->bi", H, 1 + features)
        x0 = torch.zeros(count, 3)
        if self.wrong == "list":
            return [x0, features]  # type: ignore[return-value]
        if self.wrong == "variables":
            x0 = x0[:, :2]
        if self.wrong == "count":
            x0, features = x0[1:], features[1:]
        if self.wrong == "rows":
            features = features[1:]
        if self.wrong == "whole numbers":
            x0 = x0.long()
        return Problems(x0, Quadratic(H, b), features, "bowls")


def data(family: ProblemFamily | None = None) -> FamilyDataModule:
    return FamilyDataModule(family or Bowls(), batch_size=16, evaluation_count=8)


def task(phases: Phases, optimizer: FamilyOptimizer | None = None, **options: object) -> FamilyTask:
    torch.manual_seed(0)
    made = optimizer or FamilyOptimizer(
        3, 3, StartNetwork(16, 1), MetricNetwork(8, 1), PairLSR1(4, 4)
    )
    return FamilyTask(
        made, phases=phases, meta_optimizer=lambda p: torch.optim.Adam(p, lr=1e-2), **options
    )  # type: ignore[arg-type]


@torch.no_grad()
def reached(solver: object, problems: Problems, steps: int) -> Tensor:
    least = problems.objective.minimum()  # type: ignore[attr-defined]
    path = unroll(solver, problems.objective, problems.x0, steps)  # type: ignore[arg-type]
    return (path.values[-1] - least) / (path.values[0] - least)


def test_start_metric_and_steps_train_one_after_the_other() -> None:
    phases = Phases(start_iterations=120, metric_iterations=40, solved=64, solve_steps=20)
    learned = task(phases)
    rates: list[float] = []
    fitting = trainer(max_steps=162, limit_val_batches=1, val_check_interval=162)
    step = learned.training_step

    def watched(batch: Problems, batch_idx: int) -> Tensor:
        rates.append(learned.optimizers().param_groups[0]["lr"])  # type: ignore[union-attr]
        return step(batch, batch_idx)

    learned.training_step = watched  # type: ignore[method-assign]
    fitting.fit(learned, datamodule=data())
    assert rates[0] == rates[120] == rates[160] == 1e-2
    assert rates[119] < 3e-4
    assert rates[159] < 3e-4
    optimizer = learned.optimizer.eval()
    assert isinstance(optimizer.optimizer, PairLSR1)
    assert bool((optimizer.optimizer.output.weight != 0).any())
    fresh = data().fixed("test")
    # The leap goes most of the way, and from there the metric makes the bowl round.
    assert float(reached(optimizer.knowing(fresh.features), fresh, 1).median()) < 0.1
    with_metric = reached(optimizer.knowing(fresh.features), fresh, 3)
    assert float(with_metric.median()) < 1e-4
    assert float(reached(optimizer.skeleton(), fresh, 3).median()) > 1e-3
    assert float(fitting.callback_metrics["val/log_ratio"]) < -0.3


def test_a_family_of_single_precision_trains_in_double() -> None:
    learned = task(Phases(start_iterations=1, metric_iterations=1, solved=8, solve_steps=5))
    fitting = trainer(max_steps=3, limit_val_batches=1, val_check_interval=3, precision="64-true")
    seen: list[Problems] = []
    step = learned.training_step

    def watched(batch: Problems, batch_idx: int) -> Tensor:
        seen.append(batch)
        return step(batch, batch_idx)

    learned.training_step = watched  # type: ignore[method-assign]
    fitting.fit(learned, datamodule=data())
    assert len(seen) == 3
    for batch in seen:
        assert isinstance(batch.objective, Quadratic)
        kinds = {part.dtype for part in (batch.x0, batch.features, batch.objective.H)}
        assert kinds == {torch.float64}
    single = data().train_batch(2)
    assert seen[2].x0.equal(single.x0.double())
    assert seen[2].features.equal(single.features.double())
    assert math.isfinite(float(fitting.callback_metrics["val/log_ratio"]))


def test_parts_without_weights_are_measured() -> None:
    optimizer = FamilyOptimizer(3, 3, MeanSolution(), SecondMoment(), PairLSR1(4, 4))
    learned = task(Phases(solved=256, solve_steps=20), optimizer)
    trainer(max_steps=1, limit_val_batches=0).fit(learned, datamodule=data())
    mean = optimizer.start.mean  # type: ignore[union-attr]
    torch.testing.assert_close(mean, torch.ones(3), rtol=0, atol=0.2)
    moment = optimizer.metric.second_moment  # type: ignore[union-attr]
    torch.testing.assert_close(moment, torch.eye(3), rtol=0, atol=0.3)
    assert not torch.equal(moment, torch.eye(3))


def test_solutions_do_not_depend_on_what_trains() -> None:
    means = []
    for inner in (PairLSR1(16, 4), FeatureAimedLSR1(3, 3, 8, 1)):
        optimizer = FamilyOptimizer(3, 3, MeanSolution(), optimizer=inner)
        learned = task(Phases(solved=16, solve_steps=20), optimizer)
        trainer(max_steps=1, limit_val_batches=0).fit(learned, datamodule=data())
        means.append(optimizer.start.mean)  # type: ignore[union-attr]
    expected = 1 + data().to_solve(16, 0).features.mean(dim=0)
    torch.testing.assert_close(means[0], expected, rtol=0, atol=1e-4)
    assert torch.equal(*means)


@pytest.mark.parametrize(
    "inner", [PairLSR1(4, 4), FeatureAimedLSR1(8, 0, 8, 1)], ids=lambda each: type(each).__name__
)
def test_what_is_far_ahead_of_its_skeleton_still_learns(inner: torch.nn.Module) -> None:
    hessian = torch.diag(torch.logspace(0, 6, 8)).double().expand(4, 8, 8)
    objective = Quadratic(hessian, torch.randn(4, 8, generator=torch.Generator().manual_seed(0)))
    x0 = torch.zeros(4, 8).double()
    metric = DiagonalMetric(floor=1e-9)
    optimizer = FamilyOptimizer(8, metric=metric, optimizer=inner).double()  # type: ignore[arg-type]
    # In it the problems are nearly round, and no step ends at the minimum.
    optimizer.metric.bend.copy_(torch.logspace(0, 5, 8))  # type: ignore[union-attr]
    path = unroll(optimizer, objective, x0, 4)
    least = unroll(optimizer.skeleton(), objective, x0, 8).values.min(dim=0).values
    assert bool((path.values[1:] < least).all())
    loss, _ = LogRatioToSkeleton(own_minimum=True).measure(path, objective, optimizer)
    loss.backward()
    weights = [p.grad for p in inner.parameters() if p.grad is not None]
    assert any(bool((weight != 0).any()) for weight in weights)


def test_batches_are_those_of_their_number_and_splits_differ() -> None:
    module = data(ArmFamily())
    assert torch.equal(module.train_batch(3).features, module.train_batch(3).features)
    drawn = [
        module.train_batch(0),
        module.train_batch(1),
        module.fixed("validation"),
        module.fixed("test"),
        module.to_solve(16, 0),
    ]
    firsts = {float(problems.features[0, 0]) for problems in drawn}
    assert len(firsts) == len(drawn)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("list", r"Bowls.sample gave a list; expected .*Problems"),
        ("variables", r"Bowls.sample\(16\) gave x0 of shape \(16, 2\); expected \(16, 3\)"),
        ("count", r"gave x0 of shape \(15, 3\); expected \(16, 3\)"),
        ("rows", "16 rows of x0 and 15 of features"),
        ("whole numbers", r"x0 is \(16, 3\) of torch.int64; expected a floating point tensor"),
    ],
)
def test_a_family_that_samples_something_else_is_told_so(wrong: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        data(Bowls(wrong)).train_batch(0)


def test_what_does_not_fit_together_is_refused() -> None:
    phases = Phases(start_iterations=1, metric_iterations=0, solved=8, solve_steps=2)
    with pytest.raises(UserError, match=r"variables is 4, and Bowls has 3: set variables 3"):
        trainer().fit(task(phases, FamilyOptimizer(4, 3, MeanSolution())), datamodule=data())
    with pytest.raises(UserError, match=r"features is 2, and Bowls has 3: set features 3"):
        trainer().fit(task(phases, FamilyOptimizer(3, 2, StartNetwork())), datamodule=data())
    untrained = FamilyOptimizer(3, 3, StartNetwork(4, 1), optimizer=LBFGS(3, line_search="armijo"))
    with pytest.raises(UserError, match=r"LBFGS has no weights: set max_steps 1"):
        trainer().fit(task(phases, untrained, loss=MeanValue()), datamodule=data())
    with pytest.raises(UserError, match=r"trains on a lsr1_pl\.data.FamilyDataModule"):
        trainer().fit(task(phases), datamodule=QuadraticsDataModule(3))
    with pytest.raises(UserError, match=r"expected lsr1_pl\.optim\.FamilyOptimizer"):
        FamilyTask(PairLSR1(), loss=LogRatioToSkeleton())  # type: ignore[arg-type]
    with pytest.raises(UserError, match="start_iterations is -1"):
        Phases(start_iterations=-1)
    with pytest.raises(UserError, match="family is 3"):
        FamilyDataModule(3)  # type: ignore[arg-type]
