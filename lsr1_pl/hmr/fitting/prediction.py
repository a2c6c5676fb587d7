"""The fit of each person, out of the states that an optimiser went through."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.hmr.reprojection import JointsOf
from lsr1_pl.hmr.variables import split_variables

FITTED, DIVERGED, TOO_FEW_KEYPOINTS = 0, 1, 2
LEAST_KEYPOINTS = 6


class Prediction(NamedTuple):
    """n fitted people."""

    pose: Tensor
    """(n, 72) axis-angle in radians, root first, as the camera sees the body."""
    betas: Tensor
    """(n, num_betas)."""
    joints: Tensor
    """(n, 18, 3) metres, of the 18 keypoints."""
    error_by_step: Tensor
    """(n, K + 1) mean reprojection error, in units of the keypoints' box."""
    status: Tensor
    """(n,) 0 fitted; 1 diverged: at some step the objective was not finite, the best finite state
    is kept; 2 too few keypoints (under six) to trust the fit."""


def best_states(
    iterates: Tensor, values: Tensor, errors: Tensor, visibility: Tensor, joints_of: JointsOf
) -> Prediction:
    """Each person's state of least objective: never worse than where it started.

    Args:
        iterates: (K + 1, n, N) the states of n people, the start first.
        values: (K + 1, n) the objective at each.
        errors: (K + 1, n) the mean reprojection error at each.
        visibility: (n, 18) weights in [0, 1]; above 0 where a keypoint counts.
        joints_of: the body's forward.
    """
    finite = torch.isfinite(values)
    best = torch.where(finite, values, torch.inf).argmin(dim=0)
    people = torch.arange(values.shape[1], device=values.device)
    pose, betas = split_variables(iterates[best, people])
    status = torch.where(finite.all(dim=0), FITTED, DIVERGED)
    status = torch.where((visibility > 0).sum(dim=1) < LEAST_KEYPOINTS, TOO_FEW_KEYPOINTS, status)
    return Prediction(pose, betas, joints_of(pose, betas), errors.T, status)
