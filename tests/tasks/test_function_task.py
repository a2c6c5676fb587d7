"""The quadratics task, driven by a Trainer as a user drives it."""

from __future__ import annotations

import math

import pytest
import torch
from pytorch_lightning import Callback
from quick_trainer import trainer
from torch import Tensor

from lsr1_pl.data import QuadraticsDataModule, StartsDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import FunctionObjective, Quadratic, Rosenbrock
from lsr1_pl.optim import LSR1, GradientDescent, Safeguarded, unroll
from lsr1_pl.tasks import FunctionTask


def task(**options: object) -> FunctionTask:
    torch.manual_seed(0)
    optimizer = LSR1(hidden_dim=8, buffer_size=3)
    return FunctionTask(optimizer, **{"steps": 4, "test_steps": 5, **options})  # type: ignore[arg-type]


def test_training_loss_is_eq_9() -> None:
    model = task(secant_weight=7.0)
    model.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    batch = QuadraticsDataModule(batch_size=16).train_batch(0)
    model.optimizer.eval()
    loss = model.training_step(batch, 0)
    trajectory = unroll(model.optimizer, Quadratic(batch.H, batch.b), batch.x0, 4)
    assert trajectory.secant_residuals is not None
    expected = torch.stack(
        [trajectory.values[k + 1] + 7.0 * trajectory.secant_residuals[k] for k in range(4)]
    ).mean()
    torch.testing.assert_close(loss, expected)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_fit_changes_the_parameters_and_logs_every_inner_step() -> None:
    model, data = task(), QuadraticsDataModule(batch_size=8, evaluation_count=4)
    before = [p.detach().clone() for p in model.parameters()]
    run = trainer(val_check_interval=3, check_val_every_n_epoch=None)
    run.fit(model, data)
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    logged = run.callback_metrics
    assert {f"val/value_step_{k:02d}" for k in range(5)} <= set(logged)
    assert {f"val/newton_cosine_step_{k:02d}" for k in range(1, 5)} <= set(logged)
    assert logged["val/final_value"] == logged["val/value_step_04"]
    assert {"val/final_value_std", "val/secant_residual_step_04", "train/meta_loss"} <= set(logged)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_the_last_unroll_is_kept_without_its_graph() -> None:
    model = task()
    assert model.inner_steps is None
    model.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    batch = QuadraticsDataModule(batch_size=16).train_batch(0)
    model.optimizer.eval()
    model.training_step(batch, 0)
    inner = model.inner_steps
    assert inner is not None
    assert not inner.values.requires_grad
    path = unroll(model.optimizer, Quadratic(batch.H, batch.b), batch.x0, 4)
    torch.testing.assert_close(inner.values, path.values.detach())
    # What divergence_limit holds.
    assert inner.guarded is not None
    assert inner.guarded.shape == (4, 16)


def test_test_runs_every_buffer_size_and_baseline() -> None:
    model = task(test_buffer_sizes=(1, 2), baselines={"gradient descent": GradientDescent(0.4)})
    data = QuadraticsDataModule(evaluation_count=4, test_size=5)
    trainer().test(model, data, verbose=False)
    values = model.curves["value"]
    assert set(values) == {"L-SR1, L=1", "L-SR1, L=2", "gradient descent", "minimum"}
    assert all(len(curve) == 6 for curve in values.values())
    assert all(v >= m for v, m in zip(values["gradient descent"], values["minimum"], strict=True))
    cosines = model.curves["cosine with Newton direction"]["gradient descent"]
    assert math.isnan(cosines[0])
    assert all(0 < c <= 1 for c in cosines[1:])
    assert "4 fixed problems (Quadratic) of N=5" in model.curves_note


def test_non_finite_meta_gradient_is_dropped_and_counted() -> None:
    model = task()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    weight = model.optimizer.encoder.output.weight
    assert weight.grad is not None
    weight.grad[0, 0] = math.nan
    model.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    model.on_after_backward()
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.skipped_steps.item() == 1


def test_bad_options_are_named() -> None:
    with pytest.raises(UserError, match="steps"):
        task(steps=0)
    with pytest.raises(UserError, match="SecantPenalty weight"):
        task(secant_weight=-1.0)


def condition_numbers(H: Tensor) -> Tensor:
    return torch.linalg.cond(H.double())


def test_data_is_that_of_appendix_c21() -> None:
    data = QuadraticsDataModule()
    batch = data.train_batch(5)
    assert batch.H.shape == (128, 2, 2)
    torch.testing.assert_close(torch.linalg.matrix_norm(batch.H), torch.ones(128))
    torch.testing.assert_close(batch.b.norm(dim=1), torch.ones(128))
    assert condition_numbers(torch.cat([data.train_batch(k).H for k in range(20)])).max() > 1000
    (validation,), (test,) = data.val_dataloader(), data.test_dataloader()
    assert (validation.H.shape, test.H.shape) == ((32, 2, 2), (32, 10, 10))
    assert condition_numbers(validation.H).max() <= 1001
    assert condition_numbers(test.H).max() <= 1001


def test_data_depends_on_seed_and_step_alone() -> None:
    one, same, other = (QuadraticsDataModule(seed=s) for s in (1, 1, 2))
    assert torch.equal(one.train_batch(3).H, same.train_batch(3).H)
    assert not torch.equal(one.train_batch(3).H, one.train_batch(4).H)
    assert not torch.equal(one.train_batch(3).H, other.train_batch(3).H)
    (first,), (second,) = one.val_dataloader(), other.val_dataloader()
    assert torch.equal(first.H, second.H)
    assert torch.equal(first.x0, second.x0)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_any_function_can_be_trained_on_and_tested() -> None:
    optimizer = LSR1(hidden_dim=8, buffer_size=3, gamma1=1e-3)
    model = FunctionTask(optimizer, steps=4, test_steps=5, test_buffer_sizes=(2,))
    data = StartsDataModule(Rosenbrock(), size=6, test_size=7, batch_size=4, evaluation_count=3)
    run = trainer(val_check_interval=3, check_val_every_n_epoch=None)
    run.fit(model, data)
    assert "val/final_value" in run.callback_metrics
    # Rosenbrock's Newton direction has no closed form here.
    assert not any("newton" in key for key in run.callback_metrics)
    trainer().test(model, data, verbose=False)
    assert set(model.curves["value"]) == {"L-SR1, L=2"}
    assert "(Rosenbrock) of N=7" in model.curves_note


def test_a_relative_loss_and_guarded_steps() -> None:
    model = task(secant_weight=0.0, meta_loss="suboptimality", safeguard=True)
    model.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    batch = QuadraticsDataModule(batch_size=16).train_batch(0)
    model.optimizer.eval()
    loss = model.training_step(batch, 0)
    objective = batch.objective
    values = unroll(Safeguarded(model.optimizer), objective, batch.x0, 4).values
    least = objective.minimum()
    torch.testing.assert_close(loss, ((values[1:] - least) / (values[0] - least)).mean())
    unknown = StartsDataModule(FunctionObjective(lambda x: x.exp().sum(dim=1)), size=6)
    with pytest.raises(UserError, match="FunctionObjective does not know its minimum"):
        model.training_step(unknown.train_batch(0), 0)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_frozen_norms_keep_their_statistics_and_train_on() -> None:
    model, data = task(freeze_norm_after=2), QuadraticsDataModule(batch_size=8)
    seen: list[tuple[Tensor, Tensor]] = []

    class Watch(Callback):
        def on_train_batch_end(self, *_: object, **__: object) -> None:
            norm = model.optimizer.encoder.layers[1]
            seen.append((norm.running_mean.clone(), norm.weight.detach().clone()))

    trainer(max_steps=5, callbacks=[Watch()], limit_val_batches=0).fit(model, data)
    statistics, weights = zip(*seen, strict=True)
    assert not torch.equal(statistics[0], statistics[1])
    assert all(torch.equal(statistics[1], later) for later in statistics[2:])
    assert not torch.equal(weights[3], weights[4])
