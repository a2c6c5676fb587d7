"""FunctionTask on optimisers, functions and batches of a user, as a user writes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.callbacks import ModelCheckpoint
from quick_trainer import trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lsr1_pl.data import StartsDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.objectives import AutogradObjective, Rosenbrock
from lsr1_pl.optim import LBFGS, LSR1, BatchedOptimizer, OptimizerState, PairLSR1, SecantPenalty
from lsr1_pl.tasks import (
    ByEvaluations,
    BySteps,
    FunctionTask,
    GeneralTask,
    LogRatioToSkeleton,
    MeanValue,
    RelativeSuboptimality,
    Unroll,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers")


@dataclass(frozen=True)
class MLPState(OptimizerState):
    momentum: Tensor


class ElementwiseMLP(nn.Module, BatchedOptimizer):
    """A learned step from each variable's gradient and momentum."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))

    def init(self, x: Tensor, evaluation: Evaluation) -> MLPState:
        gradient = evaluation.gradient
        return MLPState(x, evaluation, gradient, None, momentum=torch.zeros_like(gradient))

    def step(self, state: MLPState, objective: Objective) -> MLPState:
        gradient = state.evaluation.gradient
        momentum = 0.9 * state.momentum + 0.1 * gradient
        out = self.net(torch.stack([gradient, momentum], dim=-1))
        direction = 0.1 * (gradient * torch.exp(0.5 * out[..., 0]) + 0.1 * out[..., 1])
        x = state.iterate - direction
        return MLPState(x, objective.evaluate(x), direction, None, momentum=momentum)


class Bowl(AutogradObjective):
    def __init__(self, level: float = 0.0, slope: float = 1.0) -> None:
        self.level, self.slope = level, slope

    def value(self, x: Tensor) -> Tensor:
        return self.level + self.slope * x.square().sum(dim=1)


class PlainBatch:
    """Anything with ``x0`` and ``objective``."""

    def __init__(self, x0: Tensor, objective: Bowl) -> None:
        self.x0, self.objective = x0, objective


class SharedMatrix(NamedTuple):
    """A batch whose first tensor is no batch of problems."""

    A: Tensor
    x0: Tensor
    level: float

    @property
    def objective(self) -> Bowl:
        return Bowl(self.level, slope=0.0)


class Data(LightningDataModule):
    """The batches that it is given: to train on again and again, and to evaluate."""

    def __init__(self, train: Any, *evaluation: Any) -> None:
        super().__init__()
        self.train, self.evaluation = train, list(evaluation)

    def train_dataloader(self) -> Any:
        return DataLoader([self.train] * 50, batch_size=None, collate_fn=lambda batch: batch)

    def val_dataloader(self) -> Any:
        return DataLoader(self.evaluation, batch_size=None, collate_fn=lambda batch: batch)

    test_dataloader = val_dataloader


def plain(count: int = 6, size: int = 4) -> PlainBatch:
    x0 = torch.randn(count, size, generator=torch.Generator().manual_seed(1))
    return PlainBatch(x0, Bowl())


def test_an_optimiser_of_ones_own_trains_validates_and_tests() -> None:
    torch.manual_seed(0)
    baselines: dict[str, BatchedOptimizer] = {"L-BFGS": LBFGS(4, "armijo")}
    task = FunctionTask(ElementwiseMLP(), Unroll(4), evaluate=BySteps(5, baselines=baselines))
    before = [p.detach().clone() for p in task.parameters()]
    run = trainer(max_steps=4, val_check_interval=2, check_val_every_n_epoch=None)
    run.fit(task, Data(plain(), plain()))
    assert any(not torch.equal(a, b) for a, b in zip(before, task.parameters(), strict=True))
    assert math.isfinite(float(run.callback_metrics["val/final_value"]))
    assert set(task.curves["value"]) == {"ElementwiseMLP"}
    tested = trainer()
    tested.test(task, Data(None, plain()), verbose=False)
    assert set(task.curves["value"]) == {"ElementwiseMLP", "L-BFGS"}
    assert {"test/final_value", "test/value_step_05"} <= set(tested.callback_metrics)


def test_a_plain_batch_of_no_family_serves_every_task() -> None:
    torch.manual_seed(0)
    data = Data(plain(), plain())
    general = GeneralTask(
        PairLSR1(2, hidden_dim=4), Unroll(3, vary_steps=True), LogRatioToSkeleton()
    )
    for task in (FunctionTask(LSR1(hidden_dim=4), Unroll(3)), general):
        run = trainer(max_steps=3, val_check_interval=2, check_val_every_n_epoch=None)
        run.fit(task, data)
        trainer().test(task, data, verbose=False)
        assert task.curves
    assert "val/Bowl_4" in run.callback_metrics
    assert any("Bowl, N=4" in title for title in task.curves)


def test_every_problem_weighs_alike_in_whichever_batch_it_comes(tmp_path: Any) -> None:
    many = SharedMatrix(torch.ones(7, 7), torch.zeros(60, 3), 1.0)
    few = SharedMatrix(torch.ones(7, 7), torch.zeros(4, 3), 100.0)
    task = FunctionTask(LSR1(hidden_dim=4), Unroll(2), evaluate=BySteps(3, (2,)))
    best = ModelCheckpoint(tmp_path, monitor="val/final_value")
    run = trainer(
        max_steps=2,
        val_check_interval=2,
        check_val_every_n_epoch=None,
        callbacks=[best],
        enable_checkpointing=True,
    )
    run.fit(task, Data(many, many, few))
    expected = (60 * 1.0 + 4 * 100.0) / 64
    assert best.best_model_score is not None
    assert best.best_model_score.item() == pytest.approx(expected)
    trainer().test(task, Data(None, many, few), verbose=False)
    assert task.curves["value"]["L-SR1, L=2"] == pytest.approx([expected] * 4)
    assert task.curves_note.startswith("Means over 64 fixed problems (Bowl) of N=3")


def test_the_ratio_of_a_family_counts_its_problems_and_each_family_alike() -> None:
    torch.manual_seed(0)
    task = GeneralTask(PairLSR1(2, hidden_dim=4).double(), steps=4)
    torch.nn.init.normal_(task.optimizer.output.weight, std=0.5)
    x0 = torch.randn(7, 4, dtype=torch.float64)
    whole, parts = [], []
    for found, batches in ((whole, [x0]), (parts, [x0[:6], x0[6:]])):
        run = task.evaluate.validation(task._trained())
        for each in batches:
            run.add(PlainBatch(each, Bowl()))
        found.append(run.measured().logged["val/log_ratio"])
    assert parts == pytest.approx(whole)


@pytest.mark.parametrize(
    ("optimizer", "reason"),
    [
        (LBFGS(4, "armijo"), "LBFGS, which is no torch.nn.Module"),
        (nn.Linear(2, 2), "Linear, which has no init and no step"),
    ],
)
def test_what_cannot_be_trained_is_refused(optimizer: Any, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as error:
        FunctionTask(optimizer)
    assert "a torch.nn.Module with the methods init and step" in str(error.value)


def test_losses_and_evaluations_say_what_they_need() -> None:
    with pytest.raises(UserError, match=r"ElementwiseMLP has no skeleton\(\).*take MeanValue"):
        FunctionTask(ElementwiseMLP(), loss=LogRatioToSkeleton())
    with pytest.raises(UserError, match=r"ElementwiseMLP has no skeleton\(\).*take BySteps"):
        FunctionTask(ElementwiseMLP(), evaluate=ByEvaluations())
    with pytest.raises(UserError, match="loss is 'value'; expected one of MeanValue"):
        FunctionTask(LSR1(hidden_dim=4), loss="value")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="BySteps steps is 0"):
        BySteps(0)


def test_former_keywords_become_the_parts() -> None:
    assert GeneralTask(PairLSR1(2, hidden_dim=4), floor=1e-5).loss == LogRatioToSkeleton(1e-5)
    task = GeneralTask(PairLSR1(2, hidden_dim=4), floor=1e-5, test_steps=9)
    assert task.evaluate == ByEvaluations(9, 1e-5)
    options: dict[str, Any] = {"meta_loss": "suboptimality", "test_buffer_sizes": (3,)}
    function = FunctionTask(LSR1(hidden_dim=4), **options)
    assert function.loss == RelativeSuboptimality()
    assert function.evaluate == BySteps(buffer_sizes=(3,))
    assert FunctionTask(LSR1(hidden_dim=4)).loss == MeanValue()
    with pytest.raises(UserError, match=r"meta_loss is 'vlaue'.*did you mean 'value'"):
        FunctionTask(LSR1(hidden_dim=4), meta_loss="vlaue")  # type: ignore[call-arg]
    with pytest.raises(UserError, match="got evaluate and also test_steps"):
        FunctionTask(LSR1(hidden_dim=4), evaluate=BySteps(7), test_steps=3)  # type: ignore[call-arg]


def test_pairs_train_with_the_loss_of_the_paper_too() -> None:
    torch.manual_seed(0)
    task = FunctionTask(PairLSR1(2, hidden_dim=4), Unroll(3), SecantPenalty(0.0))
    trainer(max_steps=1, limit_val_batches=0).fit(task, Data(plain(), plain()))
    trainer().test(task, Data(None, plain()), verbose=False)
    assert "L-SR1, L=1" in task.curves["value"]


def test_a_misspelt_distribution_of_starts_is_refused() -> None:
    with pytest.raises(UserError, match="StartsDataModule distribution is 'gaussian'"):
        StartsDataModule(Rosenbrock(), distribution="gaussian")  # type: ignore[arg-type]
