"""Training against the skeleton: the loss by hand, and a run that lowers it."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from pytorch_lightning import Trainer

from lsr1_pl.data import MixtureDataModule, draw_family
from lsr1_pl.ground.errors import UserError
from lsr1_pl.metrics.evaluations import value_after
from lsr1_pl.optim import LBFGS, PairLSR1, unroll
from lsr1_pl.tasks import GeneralTask, LogRatioToSkeleton


def task(**options: object) -> GeneralTask:
    torch.manual_seed(0)
    return GeneralTask(PairLSR1(4, hidden_dim=8).double(), steps=6, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("own", [False, True])
def test_the_loss_is_the_log_ratio_to_the_skeleton(own: bool) -> None:
    learner = task()
    learner.loss = LogRatioToSkeleton(own_minimum=own)
    learner.log = lambda *a, **k: None  # type: ignore[method-assign]
    batch = draw_family("rosenbrock", 3, 4, torch.Generator().manual_seed(1))
    # Equal to rounding: what autograd follows and what it does not are combined by two routines.
    assert learner.training_step(batch, 0).item() == pytest.approx(0, abs=1e-12)
    torch.nn.init.normal_(learner.optimizer.output.weight, std=0.2)
    loss = learner.training_step(batch, 0).item()
    with torch.no_grad():
        theirs = unroll(learner.optimizer.skeleton(), batch.objective, batch.x0, 6).values
        ours = unroll(learner.optimizer, batch.objective, batch.x0, 6).values
    # Of one problem the optimiser itself finds the least value.
    assert (ours.min(dim=0).values < theirs.min(dim=0).values).tolist() == [False, True, False]
    least, start = (torch.cat([ours, theirs]) if own else theirs).min(dim=0).values, theirs[0]
    expected = []
    for k in (1, 2, 3):
        for i in range(3):
            a = max((ours[k, i] - least[i]) / (start[i] - least[i]), 0) + 1e-7
            b = (theirs[k, i] - least[i]) / (start[i] - least[i]) + 1e-7
            ratio = math.log(a / b)
            expected.append(2 + math.log1p(ratio - 2) if ratio > 2 else ratio)
    assert loss == pytest.approx(sum(expected) / len(expected), rel=1e-9)


def test_the_ratio_at_equal_evaluations_holds_a_step_against_what_the_skeleton_buys() -> None:
    learner = task()
    learner.log = lambda *a, **k: None  # type: ignore[method-assign]
    torch.nn.init.normal_(learner.optimizer.output.weight, std=0.6)
    batch = draw_family("rosenbrock", 3, 4, torch.Generator().manual_seed(1))
    with torch.no_grad():
        theirs = unroll(learner.optimizer.skeleton(), batch.objective, batch.x0, 12)
        ours = unroll(learner.optimizer, batch.objective, batch.x0, 6)
    spent, bought = ours.evaluations, theirs.evaluations
    assert not torch.equal(spent, bought[:7])
    loss = LogRatioToSkeleton(1e-3, at_equal="evaluations")
    least, start = theirs.values.min(dim=0).values, theirs.values[0]
    expected = []
    for k in range(1, 7):
        for i in range(3):
            reached = max(j for j in range(13) if bought[j, i] <= spent[k, i])
            a, b = (
                max(float((value - least[i]) / (start[i] - least[i])), 0) + 1e-3
                for value in (ours.values[k, i], theirs.values[reached, i])
            )
            ratio = math.log(a / b)
            expected.append(2 + math.log1p(ratio - 2) if ratio > 2 else ratio)
    found, _ = loss.measure(ours, batch.objective, learner.optimizer)
    assert found.item() == pytest.approx(sum(expected) / len(expected), rel=1e-9)
    assert found.item() != pytest.approx(
        LogRatioToSkeleton(1e-3).measure(ours, batch.objective, learner.optimizer)[0].item()
    )
    with pytest.raises(UserError, match="at_equal is 'time'; choose from 'steps', 'evaluations'"):
        LogRatioToSkeleton(at_equal="time")  # type: ignore[arg-type]


def test_value_after_counts_evaluations() -> None:
    batch = draw_family("rosenbrock", 4, 5, torch.Generator().manual_seed(1))
    with torch.no_grad():
        path = unroll(LBFGS(4, "strong_wolfe"), batch.objective, batch.x0, 10)
    for count in (0, 3, 9):
        for i in range(4):
            affordable = [
                float(path.values[k, i]) for k in range(11) if path.evaluations[k, i] <= count + 1
            ]
            assert float(value_after(path.values, path.evaluations, count)[i]) == min(affordable)


def test_a_short_training_runs_validates_and_tests(tmp_path: object) -> None:
    learner = task(test_steps=8, baselines={"L-BFGS": LBFGS(4, "armijo")})
    data = MixtureDataModule(
        sizes=(3,), test_sizes=(4,), batch_size=4, evaluation_count=4, families=("rosenbrock",)
    )
    trainer = Trainer(
        max_steps=4,
        val_check_interval=2,
        check_val_every_n_epoch=None,
        accelerator="cpu",
        precision="64-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=str(tmp_path),
    )
    before = learner.optimizer.output.weight.clone()
    trainer.fit(learner, data)
    assert not torch.equal(learner.optimizer.output.weight, before)
    assert math.isfinite(float(trainer.callback_metrics["val/log_ratio"]))
    trainer.test(learner, data, verbose=False)
    (curves,) = learner.curves.values()
    assert set(curves) == {"L-SR1", "its skeleton", "L-BFGS"}
    for curve in curves.values():
        assert len(curve) == 9
        assert curve[0] == pytest.approx(0, abs=1e-6)
        assert all(b <= a for a, b in itertools.pairwise(curve))


def test_bad_options_are_named() -> None:
    with pytest.raises(UserError, match="floor is 0"):
        task(floor=0.0)
