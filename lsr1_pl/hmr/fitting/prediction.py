"""The fit of each person, out of the states that an optimiser went through."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.hmr.reprojection import JointsOf
from lsr1_pl.hmr.variables import split_variables

FITTED, DIVERGED, TOO_FEW_KEYPOINTS, POOR, DOUBTFUL = 0, 1, 2, 3, 4
LEAST_KEYPOINTS = 6

POOR_ERROR = 0.045
"""From which error on a fit is poor, in sides of the keypoints' box.

Of 512 people of CMU's subject 08, whole and with 20 % hidden, 98 % have less than 0.011 with 1 % of
noise and less than 0.024 with 3 %. The same people's H36M keypoints, read as COCO's, have 0.097 at
least.
"""


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
    is kept; 2 too few keypoints (under six) to trust the fit; 3 poor: the fit is far from what was
    seen, as where keypoints were read in the wrong order; 4 in doubt: the body
    faces another way than in the frames around."""
    error: Tensor
    """(n,) mean absolute error of what was seen, in sides of the keypoints' box."""
    objective: Tensor
    """(n,) what was minimised, at this fit: the residual and the prior."""
    exchanged: Tensor
    """(n,) bool: left and right of the keypoints, or of some, were exchanged to make the fit."""


def best_states(
    iterates: Tensor, values: Tensor, errors: Tensor, visibility: Tensor, joints_of: JointsOf
) -> Prediction:
    """Each person's state of least objective: never worse than where it started.

    Args:
        iterates: (K + 1, n, N) the states of n people, the start first.
        values: (K + 1, n) the objective at each.
        errors: (K + 1, n) the mean reprojection error at each, over all keypoints.
        visibility: (n, 18) weights in [0, 1]; above 0 where a keypoint counts.
        joints_of: the body's forward.
    """
    finite = torch.isfinite(values)
    best = torch.where(finite, values, torch.inf).argmin(dim=0)
    people = torch.arange(values.shape[1], device=values.device)
    pose, betas = split_variables(iterates[best, people])
    error = seen_error(errors[best, people], visibility)
    return Prediction(
        pose,
        betas,
        joints_of(pose, betas),
        errors.T,
        status_of(error, visibility, finite.all(dim=0)),
        error,
        values[best, people],
        torch.zeros_like(people, dtype=torch.bool),
    )


def seen_error(error: Tensor, visibility: Tensor) -> Tensor:
    """A mean over all keypoints, (n,), as the mean over what was seen by ``visibility`` (n, 18)."""
    return error * visibility.shape[1] / visibility.sum(dim=1).clamp_min(1.0)


def status_of(error: Tensor, visibility: Tensor, finite: Tensor) -> Tensor:
    """The status (n,) of fits.

    Args:
        error: (n,) of what was seen.
        visibility: (n, 18) weights in [0, 1].
        finite: (n,) whether every state was finite.
    """
    status = torch.where(error < POOR_ERROR, FITTED, POOR)
    status = torch.where(finite, status, DIVERGED)
    few = (visibility > 0).sum(dim=1) < LEAST_KEYPOINTS
    return torch.where(few, TOO_FEW_KEYPOINTS, status)


def merged(keep: Tensor, one: Prediction, other: Prediction) -> Prediction:
    """``one`` for the people of ``keep`` (n,), ``other`` for the rest."""
    pairs = zip(one, other, strict=True)
    return Prediction(*(torch.where(_beside(keep, a), a, b) for a, b in pairs))


def _beside(keep: Tensor, field: Tensor) -> Tensor:
    return keep.view(-1, *[1] * (field.dim() - 1))
