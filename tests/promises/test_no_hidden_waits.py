"""What a training step never asks on the host, which would wait for a GPU: meta has no values."""

from __future__ import annotations

import copy

import torch

from lsr1_pl.body.mirror import mirrored_keypoints, mirrored_pose, mirrored_rotations
from lsr1_pl.hmr.start.initial_error import InitialError
from lsr1_pl.optim.classical.gauss_newton_matrix import GaussNewtonMatrix
from lsr1_pl.optim.metric import CovarianceMetric, Metric


def _meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def test_nothing_is_asked_on_the_host() -> None:
    InitialError(4).to("meta").update(_meta(8, 4))
    GaussNewtonMatrix(_meta(2, 3, 4), _meta(4, 4)).inverse()
    GaussNewtonMatrix(_meta(2, 3, 4), None).inverse()
    assert mirrored_keypoints(_meta(2, 18, 2)).shape == (2, 18, 2)
    assert mirrored_pose(_meta(2, 72)).shape == (2, 72)
    assert mirrored_rotations(_meta(2, 24, 3, 3)).shape == (2, 24, 3, 3)


def test_errors_are_averaged_evenly_then_by_momentum_and_bad_batches_left_out() -> None:
    error = InitialError(2, momentum=0.4)
    first, second, third = torch.eye(2), 3 * torch.eye(2), 5 * torch.eye(2)
    error.update(torch.full((3, 2), torch.inf))
    assert int(error.batches) == 0
    torch.testing.assert_close(error.second_moment, torch.eye(2))
    for batch in (first, second, torch.full((2, 2), torch.nan), third):
        error.update(batch)
    assert int(error.batches) == 3
    mean = 0.5 * (0.5 + 4.5) * torch.eye(2)
    torch.testing.assert_close(error.second_moment, mean + 0.4 * (12.5 * torch.eye(2) - mean))


def test_a_singular_shared_part_gives_no_step() -> None:
    found = GaussNewtonMatrix(torch.ones(2, 1, 2), torch.zeros(2, 2)).inverse()
    torch.testing.assert_close(found, torch.zeros(2, 2, 2))


def test_a_metric_is_made_again_when_its_covariance_has_changed() -> None:
    known, covariance = CovarianceMetric(), torch.eye(2)
    with torch.inference_mode():
        first = known(covariance, covariance)
    assert known(covariance, covariance) is first
    assert not first.root.is_inference()
    covariance.mul_(4)
    torch.testing.assert_close(known(covariance, covariance).root, 2 * torch.eye(2))
    assert known(covariance, covariance.double()).root.dtype == torch.float64
    # Another tensor, changed as often as this one.
    other = torch.ones(2).diag().mul_(9)
    torch.testing.assert_close(known(other, other).root, 3 * torch.eye(2))
    both = copy.deepcopy((known, other))
    both[1].mul_(4)
    torch.testing.assert_close(both[0](both[1], both[1]).root, 6 * torch.eye(2))
    torch.testing.assert_close(
        known(other, other).inverse, Metric.of_covariance(other).inverse, rtol=0, atol=0
    )
