"""What the training of a lifting network minimises."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from lsr1_pl.body import PinholeCamera
from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.body.selection import JointSelection
from lsr1_pl.body.skeleton import SMPL_JOINTS
from lsr1_pl.ground.precision import full_precision
from lsr1_pl.hmr.losses import BodyState, aligned_distance, keypoint_weights
from lsr1_pl.hmr.observation import Observation, observe
from lsr1_pl.hmr.start.lifting import LiftedBody, LiftingNetwork


class LiftingLoss(NamedTuple):
    """Factors of the terms of the loss."""

    joints: float = 3.0
    rotations: float = 15.0
    keypoints: float = 1.0
    betas: float = 0.05
    aligned: float = 0.0

    def __call__(
        self,
        lifted: LiftedBody,
        joints: Tensor,
        target: BodyState,
        visibility: Tensor,
        camera: PinholeCamera,
    ) -> dict[str, Tensor]:
        """The terms, each times its factor, by name: their sum is the loss, a scalar.

        ``joints`` are the weighted mean absolute differences of the 18 keypoints' joints in metres
        (wrists and ankles 8, elbows and knees 4, shoulders and hips 2), ``rotations`` the mean
        squared difference of the entries of the 24 matrices, ``keypoints`` the mean absolute
        difference of visible 2D keypoints in sides of the box, ``betas`` that of the betas,
        ``aligned`` the mean distance of the 14 evaluated keypoints' joints in metres after the best
        similarity of each person, which is a constant to the gradient: PA-MPJPE.

        Args:
            lifted: of B people.
            joints: (B, 18, 3) their joints, in metres.
            target: the truth.
            visibility: (B, 18), above 0 where a keypoint is visible.
            camera: the one that saw the people.
        """
        weights = keypoint_weights(joints).unsqueeze(1)
        seen = observe(joints, visibility, camera).keypoints
        true = rotation_matrix(target.pose.unflatten(1, (len(SMPL_JOINTS), 3)))
        terms = {
            "joints": (weights * (joints - target.joints).abs()).mean(),
            "rotations": (lifted.rotations - true).square().mean(),
            "keypoints": (seen - target.keypoints).abs().mean(),
            "betas": (lifted.betas - target.betas).abs().mean(),
        }
        if self.aligned:
            terms["aligned"] = aligned_distance(joints, target.joints).mean()
        return {name: getattr(self, name) * term for name, term in terms.items()}

    def of(
        self,
        network: LiftingNetwork,
        observation: Observation,
        target: BodyState,
        joints_of: JointSelection,
        camera: PinholeCamera,
    ) -> tuple[LiftedBody, dict[str, Tensor]]:
        """What the network makes of B observed people, and the terms as above.

        Args:
            network: it reads the observation.
            observation: of the people, as a fit has it.
            target: the truth.
            joints_of: the 18 keypoints' joints of a body.
            camera: the one that saw the people.
        """
        lifted = network.lift(observation.keypoints, observation.visibility)
        joints = joints_of.at_rotations(*lifted)
        with full_precision(joints):
            return lifted, self(lifted, joints, target, observation.visibility, camera)
