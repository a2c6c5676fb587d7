"""What is known of people in the middle of a fit, and what a network makes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.hmr.reprojection import keypoint_differences
from lsr1_pl.hmr.variables import split_variables

_TINY = 1e-12


class Situation(NamedTuple):
    """Where the fit of B people stands; all of it is constant to the meta-gradient.

    N variables are meant in the metric of the initial estimate's error: y, not x.
    """

    observation: Observation
    """What is seen of them."""
    joints: Tensor
    """(B, 18, 3) the fitted body's, in metres, about their mean."""
    differences: Tensor
    """(B, 18, 2) projected minus observed keypoints, in sides of the box; 0 where unseen."""
    y: Tensor
    """(B, N) the way from the initial estimate."""
    slope: Tensor
    """(B, N) the objective's gradient, divided by its root mean square."""
    steepness: Tensor
    """(B, 1) the logarithm of that root mean square."""
    suggested: Tensor
    """(B, N) the guide's step, which the network corrects."""
    remembered: Tensor
    """(B, N) the step that L-SR1's earlier vectors make; 0 without any."""


class Viewer:
    """Says where the fit of B people stands.

    Args:
        observation: of the people.
        body: what is fitted.
    """

    def __init__(self, observation: Observation, body: ProjectedBody) -> None:
        self._observation = observation
        self._body = body

    @torch.no_grad()
    @in_full_precision
    def at(
        self, x: Tensor, y: Tensor, gradient: Tensor, suggested: Tensor, remembered: Tensor
    ) -> Situation:
        """The situation at x, which is y in the metric, with f's gradient by y: all (B, N)."""
        joints = self._body.joints_of(*split_variables(x))
        size = gradient.square().mean(dim=1, keepdim=True).sqrt().clamp_min(_TINY)
        return Situation(
            observation=self._observation,
            joints=joints - joints.mean(dim=1, keepdim=True),
            differences=keypoint_differences(joints, self._observation, self._body.camera),
            y=y.detach(),
            slope=gradient / size,
            steepness=size.log(),
            suggested=suggested,
            remembered=remembered.detach(),
        )


class ProposingNetwork(nn.Module, ABC):
    """Corrects the next step of people: one is chosen by its class."""

    @abstractmethod
    def forward(self, situation: Situation) -> Tensor:
        """(B, N) what is added to the guide's step, in the metric."""
