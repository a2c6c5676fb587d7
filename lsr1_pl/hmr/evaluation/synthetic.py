"""People whose bodies are known: what a fit of them sees, and what it should find."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lsr1_pl.body import normalize_keypoints
from lsr1_pl.body.camera import keypoint_box
from lsr1_pl.body.rotations import nearest_turn
from lsr1_pl.data import MotionBatch
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.evaluation.errors import KEYPOINTS, JointSet
from lsr1_pl.hmr.losses import EVALUATED_KEYPOINTS, BodyState
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.hmr.variables import join_variables, split_variables


@dataclass(frozen=True)
class KnownPeople:
    """B people of a motion, before a camera that detects their keypoints."""

    target: BodyState
    """Their true pose, betas, joints and keypoints."""
    observation: Observation
    """What a fit sees of them; the focal length is known, as an image would tell it."""
    body: ProjectedBody
    """The body that they are, and that is fitted."""

    def __len__(self) -> int:
        """B."""
        return len(self.target.pose)

    @property
    def states(self) -> Tensor:
        """(B, N) the truth, as fitted variables."""
        return join_variables(self.target.pose, self.target.betas)

    def near(self, x: Tensor) -> KnownPeople:
        """The same people, whose true pose is written by the vectors nearest to x (B, N).

        One rotation has many axis-angle vectors. Of a body that is turned by about a half turn,
        estimate and truth would seem to be a whole turn apart.
        """
        pose, _ = split_variables(x.detach())
        true = nearest_turn(self.target.pose.unflatten(1, (-1, 3)), pose.unflatten(1, (-1, 3)))
        return replace(self, target=self.target._replace(pose=true.flatten(1)))

    def joint_sets(self, x: Tensor) -> list[JointSet]:
        """Iterates (B, N) beside the truth, on the evaluated keypoints."""
        true = self.target.joints[:, :EVALUATED_KEYPOINTS]
        predicted = self.body.joints_of(*split_variables(x))[:, :EVALUATED_KEYPOINTS]
        every = torch.ones(len(true), dtype=torch.bool, device=true.device)
        return [JointSet(KEYPOINTS, predicted, true, None, every)]


@torch.no_grad()
def observe_known(batch: MotionBatch, body: ProjectedBody) -> KnownPeople:
    """The truth and the detections of a batch.

    The true camera stands at ``batch.depth``. A detection shows the keypoint ``batch.shown`` with
    the error ``batch.noise`` and is normalised by the box of what is visible, errors included; the
    target's keypoints are free of both.

    Raises:
        UserError: the fitted body has another number of betas.
    """
    try:
        joints = body.joints_of(batch.pose, batch.betas)
    except ValueError as error:
        raise UserError(
            f"the motion's bodies are not the task's ({error}); expected HMRTask num_betas "
            f"{batch.betas.shape[1]}"
        ) from None
    true = body.camera._replace(depth=batch.depth.unsqueeze(1)).project(joints)
    detected = _detections(true, batch)
    target = normalize_keypoints(true, batch.visibility)
    _, size = keypoint_box(detected, batch.visibility)
    observation = Observation(
        normalize_keypoints(detected, batch.visibility),
        batch.visibility,
        body.camera.focal / size.flatten(),
    )
    return KnownPeople(BodyState(target, joints, batch.pose, batch.betas), observation, body)


def synthetic_note(count: int) -> str:
    """The protocol line under a table on synthetic views."""
    return (
        f"{count} people; PA-MPJPE on {EVALUATED_KEYPOINTS} keypoints (nose, neck, shoulders, "
        "elbows, wrists, hips, knees, ankles), similarity-aligned person by person."
    )


def _detections(true: Tensor, batch: MotionBatch) -> Tensor:
    """(B, 18, 2) true keypoints -> detected ones, in the same unit."""
    _, size = keypoint_box(true, batch.visibility)
    shown = batch.shown.unsqueeze(2).expand_as(true)
    return true.gather(1, shown) + size * batch.noise
