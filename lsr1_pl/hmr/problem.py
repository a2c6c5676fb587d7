"""The problem of a fit: which body is compared with the keypoints, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lsr1_pl.body.camera import PinholeCamera
from lsr1_pl.ground.choices import choices_checked
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.reprojection import EstimatePrior, JointsOf, ReprojectionObjective, Residual
from lsr1_pl.optim.checks import check_positive


class ProjectedBody(NamedTuple):
    """A body, and the camera that its keypoints are seen through."""

    joints_of: JointsOf
    """Pose and betas -> the 18 keypoints' joints, in metres."""
    camera: PinholeCamera


@choices_checked
@dataclass(frozen=True)
class FittingProblem:
    """What a fit minimises: ``scale * (residual + prior)`` of :class:`ReprojectionObjective`.

    Args:
        scale: factor of everything, above 0; 36 is the sum of Eq. 12, 1 is LGD's mean.
        residual: ``absolute`` is the mean absolute difference of Eq. 12, ``rms`` the root mean
            square.
        prior_weight: factor of |y|^2, y the way from the initial estimate in the metric of its
            error (:class:`EstimatePrior`); 0 is Eq. 12, which has no prior.
        mean_over_people: whether everything is divided by the number of people in the batch, as
            in the authors' published code. A fit then depends on how many are fitted with it.

    Raises:
        UserError: a number is out of its range, or ``residual`` is neither of the two.
    """

    scale: float = 36.0
    residual: Residual = "absolute"
    prior_weight: float = 0.0
    mean_over_people: bool = False

    def __post_init__(self) -> None:
        check_positive(self, scale=self.scale)
        if not self.prior_weight >= 0:
            raise UserError(
                f"FittingProblem prior_weight is {self.prior_weight}; it must be 0 or more"
            )

    def objective(
        self, body: ProjectedBody, observation: Observation, prior: EstimatePrior | None = None
    ) -> ReprojectionObjective:
        """The objective of the B observed people; ``prior`` is added as it is."""
        people = len(observation.keypoints) if self.mean_over_people else 1
        return ReprojectionObjective(
            body.joints_of, observation, body.camera, self.scale / people, prior, self.residual
        )


EQ12 = FittingProblem(scale=1.0)
"""Eq. 12 as a mean: the objective of LGD, and of every method that was not trained on another."""
