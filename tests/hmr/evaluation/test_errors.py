"""Errors of fits, against hand-computed ones."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.hmr import Fit
from lsr1_pl.hmr.evaluation import JointSet, MeanErrors, errors_of
from lsr1_pl.hmr.evaluation.errors import MPJPE, NONFINITE, PA_MPJPE, REPROJECTION


def fit_of(iterates: Tensor, reprojection: Tensor) -> Fit:
    count = iterates.shape[1]
    zeros = torch.zeros_like(reprojection)
    return Fit(
        iterates, zeros, reprojection, zeros.long(), torch.ones(count, 18), lambda pose, betas: pose
    )


def test_reprojection_is_of_those_who_are_seen_and_counted() -> None:
    means = MeanErrors(1, ["keypoints"], [])
    counted = torch.tensor([True, True, False])
    seen = torch.tensor([True, False, True])
    joints = torch.randn(3, 14, 3, generator=torch.Generator().manual_seed(0))
    fit = fit_of(torch.zeros(1, 3, 4), torch.tensor([[0.001, 0.0, 0.5]]))
    everybody = JointSet("keypoints", joints, joints, None, counted)
    means.update(errors_of(fit, lambda x: [everybody]), seen)
    nobody = everybody._replace(counted=~counted & ~seen)
    means.update(errors_of(fit, lambda x: [nobody]), seen)
    curves = means.curves()
    torch.testing.assert_close(curves[REPROJECTION], [1.0])
    assert means.counts == {"keypoints": 2}
    assert curves[PA_MPJPE][0] < 1e-3


def test_every_state_has_an_error_of_each_person_and_a_lost_one_is_infinite() -> None:
    true = torch.randn(2, 14, 3, generator=torch.Generator().manual_seed(1))
    roots = torch.zeros(2, 3)

    def joint_sets(x: Tensor) -> list[JointSet]:
        # The first variable is how far the whole body is off, in metres.
        joints = true + x[:, :1].unsqueeze(2)
        return [JointSet("a", joints, true, (roots, roots), torch.ones(2, dtype=torch.bool))]

    iterates = torch.zeros(2, 2, 3)
    iterates[1, :, 0] = torch.tensor([0.1, torch.nan])
    errors = errors_of(fit_of(iterates, torch.zeros(2, 2)), joint_sets)
    # Alignment removes the shift, the distance between roots that are given does not.
    assert errors.pa_mpjpe["a"].shape == (2, 2)
    assert float(errors.pa_mpjpe["a"][1, 0]) < 1e-3
    expected = torch.tensor([0.1 * 3**0.5 * 1000, torch.inf], dtype=torch.float64)
    torch.testing.assert_close(errors.mpjpe["a"][1], expected, rtol=1e-5, atol=0)
    assert errors.nonfinite.tolist() == [[False, False], [False, True]]
    means = MeanErrors(2, ["a"], ["a"])
    means.update(errors, torch.ones(2, dtype=torch.bool))
    curves = means.curves()
    assert curves[NONFINITE] == [0.0, 1.0]
    assert curves[f"{PA_MPJPE}, a"][1] == curves[f"{MPJPE}, a"][1] == torch.inf
