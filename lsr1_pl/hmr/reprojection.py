"""The inner objective of human mesh recovery (Eq. 12)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from lsr1_pl.body.camera import PinholeCamera
from lsr1_pl.hmr.observation import Observation, observe
from lsr1_pl.hmr.variables import split_variables
from lsr1_pl.objectives import AutogradObjective
from lsr1_pl.precision import in_full_precision

JointsOf = Callable[[Tensor, Tensor], Tensor]
"""Pose (B, 72) and betas (B, num_betas) -> the 18 keypoints' joints (B, 18, 3), in metres."""


class ReprojectionObjective(AutogradObjective):
    """``scale * mean(w |keypoints(x) - observed|)`` over the 36 coordinates, for B people.

    The prediction is projected and normalised as the observation was, with the observed
    visibility, so that the objective knows neither scale nor translation in the image.

    Args:
        joints_of: the body's forward.
        observation: of the B people.
        camera: of the prediction.
        scale: 1 is LGD's mean; 36 is the sum that Eq. 12 prints.
    """

    def __init__(
        self,
        joints_of: JointsOf,
        observation: Observation,
        camera: PinholeCamera,
        scale: float = 1.0,
    ) -> None:
        self._joints_of = joints_of
        self._observation = observation
        self._camera = camera
        self._scale = scale

    @in_full_precision
    def value(self, x: Tensor) -> Tensor:
        """(B, 72 + num_betas) -> (B,), in units of the normalised image, times ``scale``."""
        observed, visibility = self._observation
        predicted = observe(self._joints_of(*split_variables(x)), visibility, self._camera)
        error = (predicted.keypoints - observed).abs() * visibility.unsqueeze(2)
        return self._scale * error.mean(dim=(1, 2))
