"""Errors over a set, against hand-computed ones."""

from __future__ import annotations

import torch

from lsr1_pl.optim import Adam
from lsr1_pl.tasks.hmr_evaluation import PA_MPJPE, REPROJECTION, JointSet, SolverErrors


def test_reprojection_is_of_those_who_are_seen_and_counted() -> None:
    errors = SolverErrors(Adam(0.1), 1, ["keypoints"], [])
    counted = torch.tensor([True, True, False])
    seen = torch.tensor([True, False, True])
    joints = torch.randn(3, 14, 3, generator=torch.Generator().manual_seed(0))
    value = torch.tensor([0.001, 0.0, 0.5])
    everybody = JointSet("keypoints", joints, joints, None, counted)
    errors.update(0, [everybody], torch.zeros(3, 4), value, seen)
    nobody = everybody._replace(counted=~counted & ~seen)
    errors.update(0, [nobody], torch.zeros(3, 4), value, seen)
    curves = errors.curves()
    torch.testing.assert_close(curves[REPROJECTION], [1.0])
    assert errors.counts == {"keypoints": 2}
    assert curves[PA_MPJPE][0] < 1e-3
