"""PA-MPJPE against an independent computation, and how it treats fits that fell over."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial import procrustes
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.metrics import PAMPJPE, pa_mpjpe


def bodies(count: int = 7) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(count, 14, 3, generator=generator)
    # Close enough that scipy, which allows reflections, has no use for one.
    return target + 0.1 * torch.randn(count, 14, 3, generator=generator), target


def scipy_error(predicted: Tensor, target: Tensor) -> float:
    """In millimetres; scipy centres both sets and scales them to unit norm."""
    truth, fit, _ = procrustes(target.double().numpy(), predicted.double().numpy())
    size = np.linalg.norm(target.double() - target.double().mean(0))
    return float(1000 * size * np.linalg.norm(fit - truth, axis=1).mean())


def test_equals_scipy() -> None:
    predicted, target = bodies()
    expected = [scipy_error(p, t) for p, t in zip(predicted, target, strict=True)]
    np.testing.assert_allclose(pa_mpjpe(predicted, target).numpy(), expected, rtol=1e-6)


def test_batches_of_any_size_give_one_mean() -> None:
    predicted, target = bodies()
    metric = PAMPJPE()
    for rows in (slice(0, 1), slice(1, 5), slice(5, 7)):
        metric.update(predicted[rows], target[rows])
    torch.testing.assert_close(metric.compute(), pa_mpjpe(predicted, target).mean())


def test_reset_forgets() -> None:
    predicted, target = bodies()
    metric = PAMPJPE()
    metric.update(100 * target[:2].flip(1), target[:2])
    metric.reset()
    metric.update(predicted, target)
    torch.testing.assert_close(metric.compute(), pa_mpjpe(predicted, target).mean())


def test_similar_bodies_have_no_error() -> None:
    _, target = bodies()
    assert pa_mpjpe(2 * target + 3, target).max() < 1e-3


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_one_body_that_fell_over_shows(value: float) -> None:
    predicted, target = bodies()
    expected = pa_mpjpe(predicted, target)
    predicted[2, 5, 1] = value
    errors = pa_mpjpe(predicted, target)
    assert errors[2] == math.inf
    others = [row for row in range(7) if row != 2]
    torch.testing.assert_close(errors[others], expected[others])
    metric = PAMPJPE()
    metric.update(predicted, target)
    assert metric.compute() == math.inf


def test_bad_truth_is_refused() -> None:
    predicted, target = bodies()
    target[0, 0, 0] = torch.nan
    with pytest.raises(UserError, match="true joints that are not finite"):
        pa_mpjpe(predicted, target)


@pytest.mark.parametrize("shape", [(7, 13, 3), (14, 3), (7, 14, 2)])
def test_shapes_are_named(shape: tuple[int, ...]) -> None:
    _, target = bodies()
    with pytest.raises(UserError, match=r"expected \(B, J, 3\)"):
        pa_mpjpe(torch.zeros(shape), target)
