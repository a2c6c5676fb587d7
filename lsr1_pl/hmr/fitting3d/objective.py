"""What a fit to joints in space minimises."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.hmr.fitting3d.prior import MotionPrior
from lsr1_pl.hmr.fitting3d.state import SpaceState, state_of
from lsr1_pl.objectives import AutogradObjective

PointsOf = Callable[[Tensor, Tensor], Tensor]
"""Pose (B, 72) and betas (B, num_betas) -> points (B, P, 3), in metres."""

TURN = 0.1
"""Metres: residuals beyond it count by their length and no longer by their square."""


class RobustObjective(AutogradObjective):
    """``mean of w rho(r) + prior_weight * prior(x)`` over a person's residuals r, in metres.

    ``rho(r) = d^2 (sqrt(1 + (r / d)^2) - 1)`` with d of 0.1 m is half the square of small
    residuals, and grows like ``d |r|`` for large ones: what is far off does not pull the body.

    Args:
        points_of: the body's points.
        weights: (B, P) of all residuals, 0 or more; 0 is missing.
        prior: of pose and betas.
        prior_weight: (B,) square metres.
    """

    def __init__(
        self, points_of: PointsOf, weights: Tensor, prior: MotionPrior, prior_weight: Tensor
    ) -> None:
        self.points_of = points_of
        self.seen = weights > 0
        self._share = weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-6)
        self._prior = prior
        self._prior_weight = prior_weight

    @abstractmethod
    def squares(self, state: SpaceState) -> Tensor:
        """(B, P) squared residuals, in square metres."""

    @in_full_precision
    def value(self, x: Tensor) -> Tensor:
        """(B, N) joined states -> (B,), in square metres."""
        state = state_of(x)
        square = self.squares(state)
        # d^2 (sqrt(1 + s) - 1) without cancellation.
        robust = square / ((1 + square / TURN**2).sqrt() + 1)
        residual = (self._share * robust).sum(dim=1)
        return residual + self._prior_weight * self._prior.distance(state)

    def median_square(self, x: Tensor) -> Tensor:
        """(B,) the median squared residual of what is there, in square metres; 0 of nothing."""
        square = self.squares(state_of(x))
        return torch.where(self.seen, square, torch.nan).nanmedian(dim=1).values.nan_to_num()


class JointObjective(RobustObjective):
    """The residuals are the distances of the body's points from joints in space.

    Args:
        points_of: the body's points.
        joints: (B, P, 3) metres.
        weights: (B, P), 0 or more; 0 is missing.
        prior: of pose and betas.
        prior_weight: (B,) square metres.
        free_scale: whether the scale is varied.
    """

    def __init__(
        self,
        points_of: PointsOf,
        joints: Tensor,
        weights: Tensor,
        prior: MotionPrior,
        prior_weight: Tensor,
        *,
        free_scale: bool,
    ) -> None:
        super().__init__(points_of, weights, prior, prior_weight)
        self._joints = joints
        self._free_scale = free_scale

    def squares(self, state: SpaceState) -> Tensor:
        """(B, P) squared distances."""
        if not self._free_scale:
            state = state._replace(log_scale=torch.zeros_like(state.log_scale))
        points = state.moved(self.points_of(state.pose, state.betas))
        return (points - self._joints).square().sum(dim=2)
