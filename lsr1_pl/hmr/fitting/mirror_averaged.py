"""The mean of two fits: of the people, and of their image in a mirror."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.hmr.fitting.fitter import PeopleFitter
from lsr1_pl.hmr.fitting.prediction import (
    DIVERGED,
    Prediction,
    merged,
    seen_error,
    status_of,
)
from lsr1_pl.hmr.fitting.views import mirror_pose, mirrored
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.problem import EQ12, ProjectedBody
from lsr1_pl.hmr.variables import join_variables


@dataclass(frozen=True)
class MirrorAveraged:
    """Fits people and their mirror images, and takes the mean of each joint's two rotations.

    A fit and the fit of the mirror image err differently in depth, where a single view says least.
    A mean rotation is the one nearest to the mean of the matrices (the chordal mean on SO(3)).
    Where the two bodies face different ways, or their mean is far from the keypoints, the fit of
    lower objective stays.

    Args:
        fitter: how people are fitted; it is called twice.
        farthest: the angle in degrees between the two roots from which on they are not averaged.
        worse: the mean is kept while its error is below this many times that of the better fit...
        slack: ... plus this, in sides of the keypoints' box.
    """

    fitter: PeopleFitter
    farthest: float = 75.0
    worse: float = 1.5
    slack: float = 0.005

    @property
    def body(self) -> ProjectedBody:
        """The fitter's."""
        return self.fitter.body

    @torch.no_grad()
    def predict(self, observation: Observation, steps: int) -> Prediction:
        """The fits of B observed people; ``error_by_step`` is that of the better of both."""
        one = self.fitter.predict(observation, steps)
        glass = self.fitter.predict(mirrored(observation), steps)
        pose = mirror_pose(glass.pose)
        other = glass._replace(pose=pose, joints=self.body.joints_of(pose, glass.betas))
        better = merged(~(other.objective < one.objective), one, other)
        mean = self._mean(one, other, observation)
        near = _angle_between_roots(one.pose, other.pose) < self.farthest
        close = mean.error < self.worse * better.error + self.slack
        return merged(near & close, mean._replace(error_by_step=better.error_by_step), better)

    def _mean(self, one: Prediction, other: Prediction, observation: Observation) -> Prediction:
        pose, betas = _mean_pose(one.pose, other.pose), (one.betas + other.betas) / 2
        problem = EQ12.objective(self.body, observation)
        error = problem.reprojection(join_variables(pose, betas))
        error = seen_error(error, observation.visibility)
        finite = (one.status != DIVERGED) & (other.status != DIVERGED)
        return one._replace(
            pose=pose,
            betas=betas,
            joints=self.body.joints_of(pose, betas),
            status=status_of(error, observation.visibility, finite),
            error=error,
            objective=(one.objective + other.objective) / 2,
        )


def _mean_pose(one: Tensor, other: Tensor) -> Tensor:
    """The mean of poses (B, 72), joint by joint."""
    turns = torch.stack([rotation_matrix(p.reshape(len(p), -1, 3).double()) for p in (one, other)])
    # What is not finite has no decomposition, and no mean is taken of it.
    left, _, right = torch.linalg.svd(turns.sum(dim=0).nan_to_num())
    sign = torch.ones_like(left[..., 0, :])
    sign[..., 2] = torch.det(left @ right)
    return axis_angle((left * sign.unsqueeze(-2)) @ right).flatten(1).to(one.dtype)


def _angle_between_roots(one: Tensor, other: Tensor) -> Tensor:
    """(B,) degrees."""
    turns = rotation_matrix(one[:, :3].double()).mT @ rotation_matrix(other[:, :3].double())
    trace = turns.diagonal(dim1=1, dim2=2).sum(dim=1)
    return torch.rad2deg(((trace - 1) / 2).clamp(-1, 1).acos())
