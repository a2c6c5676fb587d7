"""PA-MPJPE and the alignment with Newton's direction."""

from __future__ import annotations

import math

import pytest
import torch
from random_problems import quadratics
from scipy.spatial import procrustes
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.metrics import PAMPJPE, newton_alignment, pa_mpjpe


def joints(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, 14, 3, generator=generator, dtype=torch.float64)


def test_agrees_with_scipys_procrustes() -> None:
    """scipy normalises both sets and permits reflections: near copies never need one."""
    target = joints(0)
    predicted = target + 0.1 * joints(1)
    for i, error in enumerate(pa_mpjpe(predicted, target)):
        reference, aligned, _ = procrustes(target[i].numpy(), predicted[i].numpy())
        size = (target[i] - target[i].mean(dim=0)).norm().item()
        distance = torch.from_numpy(reference - aligned).norm(dim=1).mean().item()
        assert error.item() == pytest.approx(1000 * size * distance, rel=1e-9)


def test_mean_is_over_bodies_however_they_are_batched() -> None:
    predicted, target = joints(2), joints(3)
    whole, parts = PAMPJPE(), PAMPJPE()
    whole.update(predicted, target)
    parts.update(predicted[:1], target[:1])
    parts.update(predicted[1:], target[1:])
    torch.testing.assert_close(whole.compute(), parts.compute())
    torch.testing.assert_close(whole.compute(), pa_mpjpe(predicted, target).mean())


def test_one_body_that_is_not_finite_is_never_averaged_away() -> None:
    predicted, target = joints(2), joints(3)
    predicted[1, 3, 0] = math.nan
    errors = pa_mpjpe(predicted, target)
    assert math.isinf(errors[1])
    assert torch.isfinite(errors[[0, 2, 3]]).all()
    metric = PAMPJPE()
    metric.update(predicted, target)
    assert math.isinf(metric.compute())


def test_unlike_shapes_are_named() -> None:
    with pytest.raises(UserError, match="expected"):
        pa_mpjpe(joints(0), joints(0)[:, :5])


def test_newton_alignment_is_one_for_newton_and_minus_one_against_it() -> None:
    torch.manual_seed(0)
    objective = quadratics(3, 4)
    iterates = torch.randn(3, 3, 4, dtype=torch.float64)
    newton = torch.stack([objective.newton_direction(x) for x in iterates[:-1]])
    ones = torch.ones(2, 3, dtype=torch.float64)
    torch.testing.assert_close(newton_alignment(iterates, -newton, objective), ones)
    torch.testing.assert_close(newton_alignment(iterates, newton, objective), -ones)
