"""What is learned of images: a start by convolutions, a metric of cosine waves."""

from __future__ import annotations

import pytest
import torch

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim import CosineMetric, ImageStart
from lsr1_pl.optim.family.images import cosine_waves
from lsr1_pl.optim.family.solved import Solved

SIDE = 4
N = SIDE * SIDE


def test_the_waves_are_orthonormal_and_the_first_is_flat() -> None:
    waves = cosine_waves(SIDE)
    torch.testing.assert_close(waves @ waves.T, torch.eye(SIDE, dtype=torch.float64))
    torch.testing.assert_close(waves[0], torch.full((SIDE,), 0.5, dtype=torch.float64))


def test_a_hessian_that_is_diagonal_in_waves_becomes_round() -> None:
    line = cosine_waves(SIDE)
    waves = torch.kron(line, line)
    bend = torch.linspace(1, 100, N, dtype=torch.float64)
    hessian = ((waves.T * bend) @ waves).repeat(3, 1, 1)
    objective = Quadratic(hessian, torch.zeros(3, N, dtype=torch.float64))
    metric = CosineMetric().module(N, 0)
    x = torch.zeros(3, N, dtype=torch.float64)
    identity = metric(x[:, :0], x).root
    torch.testing.assert_close(identity, torch.eye(N, dtype=torch.float64))
    zero = torch.zeros(3, dtype=torch.float64)
    metric.measure(Solved(x[:, :0], x, x, zero, zero, metric.curvature(objective, x)))
    known = metric(x[:, :0], x)
    round_hessian = known.root @ hessian[0] @ known.root
    torch.testing.assert_close(round_hessian, torch.eye(N).double(), rtol=0, atol=1e-5)
    torch.testing.assert_close(known.root @ known.inverse, torch.eye(N).double())
    assert metric(x[:, :0], x) is known


def test_a_start_reads_the_image_and_the_numbers_beside_it() -> None:
    torch.manual_seed(0)
    start = ImageStart(8, 1).module(N, N + 1)
    x0, features = torch.rand(3, N), torch.rand(3, N + 1)
    said = start(x0, features).detach()
    assert said.shape == (3, N)
    torch.testing.assert_close(start(x0[:1], features[:1]).detach(), said[:1], rtol=1e-4, atol=1e-5)
    other = features.clone()
    other[:, -1] += 1
    assert not torch.allclose(start(x0, other), said)
    assert float((said - x0).abs().max()) < 0.5
    # An image that is shifted by whole cells of two pixels gives what is shifted.
    wide = ImageStart(8, 1).module(1024, 1024)
    spot = torch.zeros(1, 32, 32)
    spot[0, 12, 12] = 1
    x = torch.zeros(1, 1024)
    first = wide(x, spot.flatten(1)).detach().view(32, 32)
    moved = wide(x, spot.roll((2, 4), (1, 2)).flatten(1)).detach().view(32, 32)
    torch.testing.assert_close(moved[8:24, 8:24], first[6:22, 4:20], rtol=1e-3, atol=1e-5)


def test_bad_sizes_are_named() -> None:
    with pytest.raises(UserError, match="start is ImageStart and variables 15"):
        ImageStart().module(15, 16)
    with pytest.raises(UserError, match="variables 16 and features 3"):
        ImageStart().module(16, 3)
    with pytest.raises(UserError, match="metric is CosineMetric and variables 15"):
        CosineMetric().module(15, 0)
    with pytest.raises(UserError, match="floor is 0"):
        CosineMetric(0)
    with pytest.raises(UserError, match="channels is 0"):
        ImageStart(0)
