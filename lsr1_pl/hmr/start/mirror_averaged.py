"""A start that also looks in the mirror."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from lsr1_pl.body.mirror import mirrored_keypoints, mirrored_rotations, other_side
from lsr1_pl.body.rotations import halfway
from lsr1_pl.ground.precision import full_precision
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.start.lifting import LiftedBody, LiftingNetwork
from lsr1_pl.hmr.start.starts import Start


@dataclass(frozen=True)
class MirrorAveragedStart(Start):
    """Fits begin halfway between two estimates: of the keypoints, and of their mirror image.

    The second is mirrored back. People stand in no mirror differently, but a network errs
    differently there.

    Args:
        network: keypoints and confidences -> bodies.
    """

    network: LiftingNetwork

    def __call__(self, observation: Observation) -> Tensor:
        """The estimates (B, N); a gradient to the network flows through both."""
        keypoints, confidences = observation.keypoints, observation.visibility
        here = self.network.lift(keypoints, confidences)
        there = self.network.lift(mirrored_keypoints(keypoints), other_side(confidences))
        with full_precision(keypoints):
            rotations = halfway(here.rotations, mirrored_rotations(there.rotations))
            return LiftedBody(rotations, 0.5 * (here.betas + there.betas)).variables()
