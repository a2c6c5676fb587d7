"""The mesh-recovery task, driven by a Trainer as a user drives it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from quick_trainer import trainer

from lsr1_pl.cli import main
from lsr1_pl.data import MotionBatch, MotionDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import (
    LGD,
    BodyState,
    EvaluationPlan,
    FittingProblem,
    InErrorMetric,
    LossWeights,
    NetworkEstimate,
    observe,
    outer_loss,
    split_variables,
)
from lsr1_pl.optim import LSR1, Adam, GradientDescent, unroll
from lsr1_pl.tasks import HMRTask, load_task


def task(**options: Any) -> HMRTask:
    torch.manual_seed(0)
    defaults: dict[str, Any] = {
        "optimizer": LSR1(hidden_dim=8, buffer_size=2, gamma1=0.1, input_normalization="rms")
    }
    defaults |= {"initial_width": 16, "steps": 2, "evaluation_steps": 3, "objective_scale": 4.0}
    return HMRTask(**{**defaults, **options})


def data(**options: Any) -> MotionDataModule:
    defaults: dict[str, Any] = {
        "batch_size": 8,
        "validation_recordings": ["walk"],
        "test_recordings": ["kick"],
        "validation_count": 12,
        "test_count": 12,
    }
    return MotionDataModule(**{**defaults, **options})


def silent(model: HMRTask) -> HMRTask:
    """For steps without a Trainer: at iteration 0, logging nowhere."""
    model.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    return model


def test_loss_is_the_mean_over_the_initial_estimate_and_every_step() -> None:
    model = silent(task(secant_weight=0.5))
    model.eval()
    batch: MotionBatch = data().train_batch(0)
    loss = model.training_step(batch, 0)
    joints = model.joints_of(batch.pose, batch.betas)
    observation = observe(joints, batch.visibility, model.camera)
    target = BodyState(observation.keypoints, joints, batch.pose, batch.betas)
    x0 = model.initial_estimate(observation.keypoints)
    trajectory = unroll(
        model.optimizer, model.fitter.objective(observation, x0), x0, 2, second_order=False
    )
    losses = []
    for x in trajectory.iterates:
        pose, betas = split_variables(x)
        fitted = model.joints_of(pose, betas)
        seen = observe(fitted, batch.visibility, model.camera)
        losses.append(
            outer_loss(BodyState(seen.keypoints, fitted, pose, betas), target, LossWeights())
        )
    assert trajectory.secant_residuals is not None
    expected = torch.stack(losses).mean() + 0.5 * trajectory.secant_residuals.mean()
    torch.testing.assert_close(loss, expected)


def test_warmup_trains_the_initial_estimate_alone() -> None:
    model = silent(task(warmup_iterations=1))
    model.training_step(data().train_batch(0), 0).backward()
    assert all(p.grad is None for p in model.optimizer.parameters())
    assert all(p.grad is not None for p in model.initial_estimate.parameters())


@pytest.mark.parametrize("detach", [True, False])
def test_detached_initial_estimate_pays_for_itself_alone(detach: bool) -> None:
    model = silent(task(detach_initial_estimate=detach))
    model.eval()
    batch = data().train_batch(0)
    model.training_step(batch, 0).backward()
    weight = model.initial_estimate.pose[0].weight
    assert weight.grad is not None
    after_unroll = weight.grad.clone()
    model.zero_grad()
    model.start = NetworkEstimate(warmup_iterations=1)
    model.training_step(batch, 0).backward()
    assert weight.grad is not None
    # The loss averages 3 states, of which the initial estimate is one.
    alone = torch.allclose(after_unroll, weight.grad / 3, rtol=1e-4, atol=1e-7)
    assert alone == detach


def test_fit_logs_every_inner_step() -> None:
    model = task()
    before = [p.detach().clone() for p in model.parameters()]
    run = trainer(val_check_interval=3, check_val_every_n_epoch=None)
    run.fit(model, data())
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    logged = run.callback_metrics
    for key in ("pa_mpjpe", "reprojection"):
        assert {f"val/{key}_step_{k:02d}" for k in range(4)} <= set(logged)
    assert logged["val/pa_mpjpe"] == logged["val/pa_mpjpe_step_02"]
    assert logged["val/nonfinite_states"] == 0


def test_test_compares_with_baselines_from_the_same_start() -> None:
    model = task(baselines={"gradient descent": GradientDescent(0.1)}, sample_fits=3)
    trainer().test(model, data(), verbose=False)
    curves = model.curves["PA-MPJPE (mm)"]
    assert set(curves) == {"L-SR1", "gradient descent"}
    assert curves["L-SR1"][0] == curves["gradient descent"][0]
    assert curves["L-SR1"][3] != curves["gradient descent"][3]
    assert "12 people" in model.curves_note
    fits = model.fits
    assert fits is not None
    assert set(fits.fits) == {"initial estimate", "L-SR1", "gradient descent"}
    assert fits.truth.shape == (3, model.body.num_vertices, 3)
    # The best, the median and the worst of the first batch, by the trained solver.
    errors = fits.errors_mm["L-SR1"].tolist()
    assert errors == sorted(errors)
    assert errors[0] > 0
    assert [place.split()[0] for place in fits.places] == ["best", "median", "worst"]


def test_checkpoint_does_not_carry_the_body() -> None:
    names = [name for name, _ in task().named_parameters()] + list(task().state_dict())
    assert not any(name.startswith(("body", "joints_of")) for name in names)


def test_starts_from_the_initial_estimate_of_another_run(tmp_path: Path) -> None:
    first = task(warmup_iterations=9)
    trainer().fit(first, data())
    torch.save({"state_dict": first.state_dict()}, tmp_path / "first.ckpt")
    torch.manual_seed(5)
    second = task(initial_weights=str(tmp_path / "first.ckpt"), warmup_iterations=9)
    second.initial_estimate.pose[0].weight.data.add_(1)
    trainer(max_steps=0).fit(second, data())
    for name in ("initial_estimate", "initial_error"):
        ours, theirs = (m.get_submodule(name).state_dict() for m in (second, first))
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    with pytest.raises(UserError, match=r"nothing\.ckpt: no such file"):
        trainer().fit(task(initial_weights=str(tmp_path / "nothing.ckpt")), data())


def test_goes_on_from_the_optimizer_of_another_run(tmp_path: Path) -> None:
    first = task()
    first.optimizer.state_dict()["encoder.layers.0.weight"].add_(1)
    torch.save({"state_dict": first.state_dict()}, tmp_path / "first.ckpt")
    second = task(optimizer_weights=str(tmp_path / "first.ckpt"))
    trainer(max_steps=0).fit(second, data())
    ours, theirs = second.optimizer.state_dict(), first.optimizer.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    wider = task(
        optimizer=LSR1(hidden_dim=16, buffer_size=2),
        optimizer_weights=str(tmp_path / "first.ckpt"),
    )
    with pytest.raises(UserError, match=r"first\.ckpt: its weights do not fit"):
        trainer(max_steps=0).fit(wider, data())


def test_trains_in_the_metric_of_the_initial_error() -> None:
    torch.manual_seed(0)
    learned = LSR1(hidden_dim=8, buffer_size=2, gamma1=0.6, initial_curvature="polyak")
    model = task(optimizer=InErrorMetric(learned), baselines={"m": InErrorMetric(Adam(0.1))})
    before = [p.detach().clone() for p in learned.parameters()]
    run = trainer()
    run.fit(model, data())
    assert int(model.initial_error.batches) == 3
    assert any(not torch.equal(a, b) for a, b in zip(before, learned.parameters(), strict=True))
    run.test(model, data(), verbose=False)
    assert set(model.curves["PA-MPJPE (mm)"]) == {"L-SR1", "m"}


@torch.no_grad()
def test_a_heavy_prior_holds_the_fit_and_is_no_part_of_the_reprojection() -> None:
    moved, errors = {}, {}
    for weight in (0.0, 1e3):
        model = task(prior_weight=weight, optimizer=Adam(0.01)).eval()
        model.keep_people = True
        run = trainer()
        run.validate(model, data(), verbose=False)
        assert model.people is not None
        moved[weight] = float((model.people.fitted - model.people.initial).norm())
        errors[weight] = model.curves["reprojection (1e-3)"]["L-SR1"]
    assert moved[1e3] < 0.5 * moved[0.0]
    assert errors[1e3][0] == errors[0.0][0]


def test_bad_options_are_named() -> None:
    with pytest.raises(UserError, match=r"evaluate\.steps is 1"):
        task(evaluation_steps=1)
    with pytest.raises(UserError, match="prior_weight is -1"):
        task(prior_weight=-1.0)
    with pytest.raises(UserError, match="sample_fits is -1"):
        task(sample_fits=-1)
    with pytest.raises(UserError, match="warmup_iterations is 5 and frozen true"):
        task(warmup_iterations=5, freeze_initial_estimate=True)
    with pytest.raises(UserError, match="expected HMRTask num_betas 10"):
        silent(task(num_betas=4)).training_step(data().train_batch(0), 0)
    with pytest.raises(UserError, match=r"no-such\.npz"):
        task(body="no-such.npz")


def test_a_frozen_initial_estimate_stays_as_an_evaluation_has_it() -> None:
    model = task(freeze_initial_estimate=True)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    trainer().fit(model, data())
    after = model.state_dict()
    estimate = [key for key in before if key.startswith("initial_estimate.")]
    # Its BatchNorms' running statistics and counters too.
    assert any("num_batches_tracked" in key for key in estimate)
    assert all(torch.equal(before[key], after[key]) for key in estimate)
    assert any(
        not torch.equal(before[key], after[key]) for key in before if key.startswith("optimizer.")
    )
    assert int(model.initial_error.batches) == 3


@pytest.mark.parametrize("name", ["L-SR1", "LGD"])
def test_mixed_precision_trains_with_a_fused_and_clipped_meta_optimiser(name: str) -> None:
    torch.manual_seed(0)
    learned = LGD(width=16) if name == "LGD" else InErrorMetric(LSR1(8, 2, 0.1))
    found = {}
    for precision in ("32-true", "bf16-mixed"):
        model = task(
            optimizer=copy.deepcopy(learned),
            meta_optimizer=lambda p: torch.optim.AdamW(p, lr=1e-3, fused=True),
        )
        run = trainer(precision=precision)
        run.fit(model, data())
        assert int(model.skipped_steps) == 0
        assert all(p.dtype == torch.float32 for p in model.parameters())
        run.validate(model, data(), verbose=False)
        found[precision] = model.curves["PA-MPJPE (mm)"][name][-1]
    assert 0 < abs(found["bf16-mixed"] - found["32-true"]) < 0.02 * found["32-true"]


def test_trains_with_every_departure_at_once() -> None:
    learned = LSR1(
        hidden_dim=8,
        gamma1=0.1,
        initial_curvature="rms",
        gradient_memory=0.5,
        inputs=("x", "p", "d", "g", "q", "b0g", "b0m"),
        input_normalization="rms",
        problem_inputs=True,
        embedding=2,
        variables=82,
        output_limit=3.0,
    )
    model = task(optimizer=InErrorMetric(learned), objective_scale=1.0)
    trainer().fit(model, data(keypoint_noise=(0.0, 0.02)))
    assert int(model.skipped_steps) == 0
    assert learned.encoder_inputs.embedding is not None
    assert learned.encoder_inputs.embedding.grad is not None
    trainer().test(model, data(), verbose=False)
    assert all(n == 0 for n in model.curves["non-finite states"]["L-SR1"])


def test_a_part_and_a_former_keyword_of_it_are_refused() -> None:
    with pytest.raises(UserError, match="HMRTask got start and also initial_width"):
        task(start=NetworkEstimate(8))
    with pytest.raises(UserError, match="HMRTask got evaluate and also evaluation_steps"):
        task(evaluate=EvaluationPlan(9))
    with pytest.raises(UserError, match="HMRTask start is 'LGDFits'; expected one of"):
        HMRTask(Adam(0.1), start="LGDFits")  # type: ignore[arg-type]


def test_former_keywords_leave_the_rest_of_a_part_at_its_default() -> None:
    made = task(objective_scale=2.0, residual="rms", warmup_iterations=3)
    assert made.problem == FittingProblem(2.0, "rms")
    assert made.start == NetworkEstimate(16, warmup_iterations=3)
    assert made.evaluate == EvaluationPlan(3)


@pytest.mark.parametrize("start", ["NetworkEstimate", "LGDFits"])
def test_lightning_loads_a_checkpoint_of_the_command_line(start: str, tmp_path: Path) -> None:
    words = ["fit", "--config", "hmr_open", f"--trainer.default_root_dir={tmp_path}"]
    words += ["--trainer.max_steps=1", "--trainer.limit_val_batches=0"]
    words += [f"--model.start={start}", "--model.evaluation_steps=9"]
    assert main(words) == 0
    path = tmp_path / "hmr_open/version_0/checkpoints/last.ckpt"
    learned = load_task(path).optimizer
    loaded = HMRTask.load_from_checkpoint(path, optimizer=learned, weights_only=True)
    assert type(loaded.start).__name__ == start
    assert loaded.problem == FittingProblem(1.0, "rms", 3e-4)
    assert (loaded.evaluate.steps, loaded.unroll.freeze_norm_after) == (9, 1500)
