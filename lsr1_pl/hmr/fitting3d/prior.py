"""How people usually stand and move: what a fit to joints in space falls back on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from lsr1_pl.body.rotations import wrap
from lsr1_pl.data import MotionStore, open_frames_path
from lsr1_pl.hmr.fitting3d.state import EXTRA, SpaceState
from lsr1_pl.hmr.variables import POSE_SIZE
from lsr1_pl.optim import Metric

_LEAST_SPREAD = 0.1
"""Radians, added to every rotation's spread: the frames' skeletons have no hands and few twists."""

_SPREAD_ROOT, _SPREAD_BETAS, _SPREAD_PLACE, _SPREAD_SCALE = 0.3, 1.0, 0.1, 0.1
"""Radians, one, metres, and one: how far the start is from the fit."""


@dataclass(frozen=True)
class MotionPrior:
    """A Gaussian over the 23 rotations of a pose without its root, and one over betas."""

    mean: Tensor
    """(69,) radians."""
    covariance: Tensor
    """(69, 69) radians squared."""
    precision: Tensor
    """(69, 69) its inverse."""

    @property
    def mean_pose(self) -> Tensor:
        """(72,) radians, with a root that does not turn."""
        return torch.cat([self.mean.new_zeros(3), self.mean])

    def distance(self, state: SpaceState) -> Tensor:
        """(B,) the squared distance of poses and betas from the mean, in units of their spread."""
        off = state.pose[:, 3:] - self.mean
        pose = ((off @ self.precision) * off).sum(dim=1)
        return pose + state.betas.square().sum(dim=1)

    def metric(self, num_betas: int) -> Metric:
        """Coordinates in which joined states vary by about one: an optimiser's."""
        place = POSE_SIZE + num_betas
        spread = torch.full((place + EXTRA,), _SPREAD_PLACE)
        spread[:3] = _SPREAD_ROOT
        spread[POSE_SIZE:place] = _SPREAD_BETAS
        spread[-1] = _SPREAD_SCALE
        covariance = torch.diag(spread.square())
        covariance[3:POSE_SIZE, 3:POSE_SIZE] = self.covariance
        return Metric.of_covariance(covariance)


@cache
def open_motion_prior() -> MotionPrior:
    """The Gaussian of the single frames that come with the package, of CMU's training subjects."""
    store = MotionStore(open_frames_path())
    poses = torch.from_numpy(np.array(store.poses(np.arange(len(store))), dtype=np.float64))
    body = wrap(poses.unflatten(1, (-1, 3))).flatten(1)[:, 3:]
    floor = _LEAST_SPREAD**2 * torch.eye(body.shape[1], dtype=body.dtype)
    covariance = torch.cov(body.T) + floor
    precision = torch.linalg.inv(covariance)
    return MotionPrior(body.mean(dim=0).float(), covariance.float(), precision.float())
