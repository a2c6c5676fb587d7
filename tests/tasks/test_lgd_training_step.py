"""One training step of LGD against its paper and release, written out in full."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.body import load_body_model
from lsr1_pl.data import MotionDataModule
from lsr1_pl.hmr import LGD, FittingProblem, NetworkEstimate
from lsr1_pl.tasks import HMRTask

_KEYPOINTS = [24, 12, 17, 19, 21, 16, 18, 20, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28]
"""LGD's 18 of smplx's 45 joints."""

_WEIGHTS = [1, 1, 2, 4, 8, 2, 4, 8, 2, 4, 8, 2, 4, 8, 1, 1, 1, 1]
"""Nose, neck, arms right and left, legs right and left, eyes, ears."""


def project_and_normalise(joints: Tensor, visible: Tensor) -> Tensor:
    """Focal 256, centre 0, body at depth 6; the visible ones' box becomes the unit square."""
    points = torch.stack(
        [
            256 * joints[..., 0] / (6 - joints[..., 2]),
            -256 * joints[..., 1] / (6 - joints[..., 2]),
        ],
        dim=-1,
    )
    rows = []
    for person, seen in zip(points, visible.bool(), strict=True):
        inside = person[seen]
        low, high = inside.min(dim=0).values, inside.max(dim=0).values
        side = (high - low).max()
        normal = (person - (low + high) / 2) / side + 0.5
        rows.append(torch.where(seen.unsqueeze(1), normal, torch.full_like(normal, 0.5)))
    return torch.stack(rows)


def reference_loss(task: HMRTask, pose: Tensor, betas: Tensor, visible: Tensor) -> Tensor:
    body, lgd = load_body_model("open"), task.optimizer
    assert isinstance(lgd, LGD)

    def joints(theta: Tensor, beta: Tensor) -> Tensor:
        return body.joints(theta, beta)[:, _KEYPOINTS]

    weights = torch.tensor(_WEIGHTS, dtype=torch.float32)
    true3d = joints(pose, betas)
    true2d = project_and_normalise(true3d, visible)
    x2d = true2d.flatten(1)

    def loss(theta: Tensor, beta: Tensor) -> Tensor:
        in3d = joints(theta, beta)
        in2d = project_and_normalise(in3d, visible)
        return (
            0.3 * (weights.view(1, 18, 1) * (in2d - true2d).abs()).mean()
            + 0.3 * (weights.view(1, 18, 1) * (in3d - true3d).abs()).mean()
            + (theta - pose).abs().mean()
            + (beta - betas).abs().mean()
        )

    theta, beta = task.initial_estimate.pose(x2d), task.initial_estimate.betas(x2d)
    total = loss(theta, beta)
    for _ in range(3):
        at = theta.detach().requires_grad_()
        error = project_and_normalise(joints(at, beta.detach()), visible) - true2d
        value = (visible.unsqueeze(2) * error.abs()).mean(dim=(1, 2)).sum()
        (gradient,) = torch.autograd.grad(value, at)
        features = torch.cat([x2d, theta, gradient], dim=1)
        theta, beta = theta + 0.1 * lgd.pose(features), beta + 0.1 * lgd.betas(features)
        total = total + loss(theta, beta)
    return total / 4


def test_the_loss_and_every_gradient_agree() -> None:
    torch.manual_seed(0)
    task = HMRTask(
        LGD(width=32, dropout=0.0),
        start=NetworkEstimate(32, 0.0),
        steps=3,
        secant_weight=0.0,
        problem=FittingProblem(1.0),
        divergence_limit=None,
    )
    task.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    data = MotionDataModule(validation_recordings=["kick"], test_recordings=["walk"], batch_size=6)
    batch = data.train_batch(0)
    ours = task.training_step(batch, 0)
    ours.backward()
    gradients = {name: p.grad.clone() for name, p in task.named_parameters() if p.grad is not None}
    task.zero_grad()
    theirs = reference_loss(task, batch.pose, batch.betas, batch.visibility)
    theirs.backward()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    for name, parameter in task.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(
            gradients[name], parameter.grad, rtol=2e-3, atol=2e-6, msg=lambda m, n=name: f"{n}: {m}"
        )
