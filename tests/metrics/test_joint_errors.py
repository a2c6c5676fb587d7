"""MPJPE, PVE and acceleration error against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes

from lsr1_pl.ground.errors import UserError
from lsr1_pl.metrics import acceleration_error, mpjpe, pa_mpjpe


def bodies(seed: int, count: int = 6, joints: int = 14) -> torch.Tensor:
    return torch.randn(count, joints, 3, generator=torch.Generator().manual_seed(seed)).double()


def test_mpjpe_is_the_mean_distance_with_roots_together() -> None:
    ours, theirs = bodies(0), bodies(1)
    expected = np.linalg.norm(
        (ours - ours[:, :1]).numpy() - (theirs - theirs[:, :1]).numpy(), axis=2
    ).mean(axis=1)
    found = mpjpe(ours, theirs, ours[:, 0], theirs[:, 0])
    np.testing.assert_allclose(found.numpy(), 1000 * expected, rtol=1e-12)
    shifted = mpjpe(ours + 3.0, theirs, ours[:, 0] + 3.0, theirs[:, 0])
    torch.testing.assert_close(shifted, found)


def test_mpjpe_of_a_broken_fit_is_infinite_and_shapes_are_checked() -> None:
    ours, theirs = bodies(0), bodies(1)
    ours[2, 3, 1] = torch.nan
    assert torch.isinf(mpjpe(ours, theirs, ours[:, 0], theirs[:, 0])).tolist() == [
        i == 2 for i in range(6)
    ]
    with pytest.raises(UserError, match="expected"):
        mpjpe(ours, theirs[:, :5], ours[:, 0], theirs[:, 0])


def test_acceleration_is_of_second_differences() -> None:
    time = torch.arange(5.0).view(5, 1, 1).double()
    still, falling = torch.zeros(5, 2, 3).double(), torch.zeros(5, 2, 3).double()
    falling[:, :, 1:2] = -0.5 * 0.01 * time**2
    np.testing.assert_allclose(acceleration_error(falling, still).numpy(), [10.0] * 3, rtol=1e-9)
    # A constant velocity adds nothing.
    torch.testing.assert_close(
        acceleration_error(falling + 0.3 * time, still), acceleration_error(falling, still)
    )
    assert len(acceleration_error(still[:2], still[:2])) == 0


def test_pa_mpjpe_equals_an_independent_procrustes() -> None:
    ours, theirs = bodies(2, 40), bodies(3, 40)
    expected = []
    for x, y in zip(ours.numpy(), theirs.numpy(), strict=True):
        x0, y0 = x - x.mean(0), y - y.mean(0)
        rotation, total = orthogonal_procrustes(x0, y0)
        if np.linalg.det(rotation) < 0:
            u, s, vt = np.linalg.svd(x0.T @ y0)
            u[:, -1] *= -1
            s[-1] *= -1
            rotation, total = u @ vt, s.sum()
        aligned = total / (x0**2).sum() * x0 @ rotation
        expected.append(1000 * np.linalg.norm(aligned - y0, axis=1).mean())
    np.testing.assert_allclose(pa_mpjpe(ours, theirs).numpy(), expected, atol=1e-3)
