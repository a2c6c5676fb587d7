"""The inner objective of human mesh recovery (Eq. 12), and a prior beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from lsr1_pl.body.camera import PinholeCamera
from lsr1_pl.ground.choices import choices_checked
from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.hmr.observation import Observation, observe
from lsr1_pl.hmr.variables import split_variables
from lsr1_pl.objectives import AutogradObjective
from lsr1_pl.optim import Metric
from lsr1_pl.optim.classical.gauss_newton_matrix import GaussNewtonMatrix

JointsOf = Callable[[Tensor, Tensor], Tensor]
"""Pose (B, 72) and betas (B, num_betas) -> the 18 keypoints' joints (B, 18, 3), in metres."""

Residual = Literal["absolute", "rms"]

_LEAST_SQUARE = 1e-8
"""The square of a ten-thousandth of the box: the root's derivatives stay finite at a fit."""
_DERIVATIVES_AT_ONCE = 10_000
"""Of one difference of one person each, so that memory stays bounded."""


class EstimatePrior(NamedTuple):
    """How far a fit has gone from the initial estimate, measured by how the estimate usually errs.

    ``weight * |y|^2`` with x = x0 + A y, A A the covariance of the estimate's error: up to a factor
    the negative logarithm of a Gaussian prior. Noisy keypoints then do not pull a body where no
    body was ever wrong by so much.
    """

    x0: Tensor
    """(B, N) initial estimates."""
    metric: Metric
    weight: float
    """0 or more, in units of the normalised image."""

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,), 0 or more."""
        return self.weight * self.metric.to_y(x - self.x0).square().sum(dim=1)

    def hessian(self) -> Tensor:
        """(N, N), the same everywhere."""
        inverse = self.metric.inverse
        return 2 * self.weight * inverse @ inverse


@choices_checked
class ReprojectionObjective(AutogradObjective):
    """``scale * (residual(w (keypoints(x) - observed)) + prior(x))`` for B people.

    The prediction is projected and normalised as the observation was, with the observed
    visibility, so that the objective knows neither scale nor translation in the image.

    Args:
        joints_of: the body's forward.
        observation: of the B people.
        camera: of the prediction.
        scale: 1 is LGD's mean; 36 is the sum that Eq. 12 prints.
        prior: added to the residual; Eq. 12 has none.
        residual: of the 36 coordinates' differences: ``absolute`` is the mean of their absolute
            values (Eq. 12), which has no curvature but its kinks; ``rms`` their root mean square.
    """

    def __init__(
        self,
        joints_of: JointsOf,
        observation: Observation,
        camera: PinholeCamera,
        scale: float = 1.0,
        prior: EstimatePrior | None = None,
        residual: Residual = "absolute",
    ) -> None:
        self._joints_of = joints_of
        self._observation = observation
        self._camera = camera
        self._scale = scale
        self._prior = prior
        self._residual = residual

    @in_full_precision
    def value(self, x: Tensor) -> Tensor:
        """(B, 72 + num_betas) -> (B,), in units of the normalised image, times ``scale``."""
        difference = self._differences(x)
        if self._residual == "rms":
            error = (difference.square().mean(dim=(1, 2)) + _LEAST_SQUARE).sqrt()
        else:
            error = difference.abs().mean(dim=(1, 2))
        return self._scale * (error if self._prior is None else error + self._prior.value(x))

    @torch.no_grad()
    @in_full_precision
    def gauss_newton(self, x: Tensor) -> GaussNewtonMatrix:
        """``scale (J^T W J + prior's Hessian)`` at x (B, N).

        J are the derivatives of the 36 differences r by x. W makes a square out of the residual:
        ``sum_i W_ii r_i^2 / 2``, up to a constant, is the parabola that touches the residual at x
        and is nowhere below it. W is 1 / (36 rms) for ``rms``, and 1 / (36 |r_i|) for ``absolute``.
        """
        differences, rows = self._linear(x)
        square = differences.square()
        if self._residual == "rms":
            square = square.mean(dim=1, keepdim=True)
        weights = self._scale * (square + _LEAST_SQUARE).rsqrt() / differences.shape[1]
        prior = None if self._prior is None else self._scale * self._prior.hessian()
        return GaussNewtonMatrix(weights.sqrt().unsqueeze(2) * rows, prior)

    def _linear(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The differences (B, 36) at x (B, N), and their derivatives (B, 36, N)."""
        with torch.enable_grad():
            point = x.detach().requires_grad_()
            differences = self._differences(point).flatten(1)
            people, count = differences.shape
            units = torch.eye(count, dtype=x.dtype, device=x.device).unsqueeze(1)
            rows = [
                torch.autograd.grad(
                    differences,
                    point,
                    some.expand(-1, people, -1),
                    retain_graph=True,
                    is_grads_batched=True,
                )[0]
                for some in units.split(max(1, _DERIVATIVES_AT_ONCE // max(1, people)))
            ]
        return differences.detach(), torch.cat(rows).transpose(0, 1)

    @in_full_precision
    def reprojection(self, x: Tensor) -> Tensor:
        """(B, 72 + num_betas) -> (B,): the mean absolute difference, whatever is minimised."""
        return self._differences(x).abs().mean(dim=(1, 2))

    def _differences(self, x: Tensor) -> Tensor:
        joints = self._joints_of(*split_variables(x))
        return keypoint_differences(joints, self._observation, self._camera)


def keypoint_differences(joints: Tensor, observation: Observation, camera: PinholeCamera) -> Tensor:
    """(B, 18, 2) projections of joints (B, 18, 3) minus what is observed, times the visibility.

    In sides of the box: the projections are normalised as the observation was.
    """
    visibility = observation.visibility
    predicted = observe(joints, visibility, camera)
    return (predicted.keypoints - observation.keypoints) * visibility.unsqueeze(2)
