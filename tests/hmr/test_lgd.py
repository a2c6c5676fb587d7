"""LGD as its authors have it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer

from lsr1_pl.data import MotionDataModule
from lsr1_pl.hmr import LGD, InitialEstimate, Observation
from lsr1_pl.objectives import FunctionObjective
from lsr1_pl.optim import unroll
from lsr1_pl.tasks import HMRTask


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameter_count_of_table_1() -> None:
    assert count(LGD()) + count(InitialEstimate()) == 17_449_144


def test_parameter_count_of_each_network() -> None:
    def expected(inputs: int, outputs: int, width: int = 1024) -> int:
        norm_and_prelu = 2 * width + 1
        first = inputs * width + width + norm_and_prelu
        block = 2 * (width * width + width + norm_and_prelu)
        return first + 2 * block + width * outputs + outputs

    lgd, estimate = LGD(), InitialEstimate()
    assert count(estimate.pose) == expected(36, 72)
    assert count(estimate.betas) == expected(36, 10)
    assert count(lgd.pose) == expected(180, 72)
    assert count(lgd.betas) == expected(180, 10)


def small() -> LGD:
    torch.manual_seed(0)
    return LGD(width=8).eval()


def seen(keypoints: torch.Tensor) -> Observation:
    return Observation(keypoints, torch.ones(keypoints.shape[:2]))


def quadratic() -> FunctionObjective:
    return FunctionObjective(lambda x: 0.5 * (x - 1).square().sum(dim=1))


def test_steps_are_a_tenth_of_what_the_networks_say() -> None:
    lgd = small()
    keypoints, x0 = torch.rand(3, 18, 2), torch.randn(3, 82)
    with torch.no_grad():
        path = unroll(lgd.observing(seen(keypoints)), quadratic(), x0, 2).iterates
        features = torch.cat([keypoints.flatten(1), x0[:, :72], x0[:, :72] - 1], dim=1)
        change = torch.cat([lgd.pose(features), lgd.betas(features)], dim=1)
    torch.testing.assert_close(path[1], x0 + 0.1 * change)
    assert not torch.equal(path[2] - path[1], path[1] - path[0])


def test_the_gradient_is_detached_and_the_pose_is_not() -> None:
    lgd = small()
    keypoints = torch.rand(2, 18, 2)
    x0 = torch.randn(2, 82, requires_grad=True)
    objective = quadratic()
    through = unroll(lgd.observing(seen(keypoints)), objective, x0, 1).iterates[-1]
    (gradient,) = torch.autograd.grad(through.sum(), x0)
    # As if the gradient were given from outside.
    given = (x0 - 1).detach()
    constant = x0 + lgd.update(keypoints, x0, given)
    (expected,) = torch.autograd.grad(constant.sum(), x0)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_trains_in_the_same_task() -> None:
    options: dict[str, Any] = {"initial_width": 16, "steps": 2, "evaluation_steps": 3}
    model = HMRTask(LGD(width=8), secant_weight=0.0, objective_scale=1.0, **options)
    data = MotionDataModule(
        batch_size=8,
        validation_recordings=["walk"],
        test_recordings=["kick"],
        validation_count=6,
        test_count=6,
    )
    before = [p.detach().clone() for p in model.optimizer.parameters()]
    trainer = Trainer(
        max_steps=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        inference_mode=False,
        val_check_interval=2,
        check_val_every_n_epoch=None,
    )
    trainer.fit(model, data)
    after = list(model.optimizer.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    trainer.test(model, data, verbose=False)
    assert set(model.curves["PA-MPJPE (mm)"]) == {"LGD"}
