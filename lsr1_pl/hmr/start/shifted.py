"""A start whose networks know keypoints by other points of the body than a detector's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.hmr.observation import Observation, observe
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.hmr.reprojection import JointsOf
from lsr1_pl.hmr.start.starts import Start
from lsr1_pl.hmr.variables import split_variables


@dataclass(frozen=True)
class ShiftedStart(Start):
    """Shows a start the keypoints where its own points would be.

    A first estimate says how far the detector's points and the start's own lie apart in the image,
    on that body in that pose. The detections are moved by as much, and the start estimates again.

    Args:
        start: it knows the keypoints as ``own``.
        own: the points of the body that the start was trained on.
        detected: the body, with the points that the detector shows.
    """

    start: Start
    own: JointsOf
    detected: ProjectedBody

    @property
    def gradients(self) -> int:  # type: ignore[override]
        """Those of both estimates."""
        return 2 * self.start.gradients

    @torch.no_grad()
    def __call__(self, observation: Observation) -> Tensor:
        """The second estimate (B, N)."""
        body = split_variables(self.start(observation))
        camera, visibility = self.detected.camera, observation.visibility
        own = observe(self.own(*body), visibility, camera).keypoints
        detected = observe(self.detected.joints_of(*body), visibility, camera).keypoints
        # Invisible keypoints stand at 0.5 in both.
        return self.start(observation._replace(keypoints=observation.keypoints + own - detected))
