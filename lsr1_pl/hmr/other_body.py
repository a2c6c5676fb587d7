"""A trained fitter on another body than its own: a user's SMPL, of other proportions and betas.

Pose means the same on every SMPL body. A beta does not: it is one body's own direction of shape,
in units of its standard deviation among people. So what was trained on the pose is kept, and what
was trained on the betas is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lsr1_pl.body import BodyModel
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr.fitting.fitter import FitOptimizer, Fitter
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.hmr.start import InitialError, Start
from lsr1_pl.hmr.variables import POSE_SIZE, join_variables, split_variables
from lsr1_pl.optim import BatchedOptimizer


def on_other_body(fitter: Fitter, body: BodyModel) -> Fitter:
    """The fitter for people of another body, with as many betas; nothing is trained.

    The start's pose is kept, and the betas start at zero. The prior is that of the start's error in
    the pose, and a standard normal one in the betas. The optimiser says by its method
    ``on_other_body`` what of it knows no betas; one of steps alone stays as it is.

    Args:
        fitter: as it was trained, on keypoints that are SMPL's joints.
        body: of the people.

    Raises:
        UserError: the fitter's optimiser fits no other body, as LGD does not.
    """
    other = ProjectedBody(body.select(COCO18), fitter.body.camera)
    return replace(
        fitter,
        start=PoseStart(fitter.start),
        body=other,
        optimizer=_optimizer_on_other_body(fitter.optimizer),
        initial_error=_error_on_other_body(fitter.initial_error),
    )


@dataclass(frozen=True)
class PoseStart(Start):
    """The pose of a start that knows another body, with betas of zero.

    Args:
        start: it was trained on another body.
    """

    start: Start

    @property
    def gradients(self) -> int:  # type: ignore[override]
        """Those of the start."""
        return self.start.gradients

    @torch.no_grad()
    def __call__(self, observation: Observation) -> Tensor:
        """B observed people -> x0 (B, N): pose in radians, then zeros."""
        return _without_betas(self.start(observation))


def _error_on_other_body(error: InitialError) -> InitialError:
    """That of the pose as it was measured; betas that start at zero err by the betas themselves."""
    other = InitialError(len(error.second_moment), error.momentum)
    pose = slice(POSE_SIZE)
    other.second_moment[pose, pose] = error.second_moment[pose, pose].cpu()
    return other.to(error.second_moment.device)


def _optimizer_on_other_body(optimizer: FitOptimizer) -> FitOptimizer:
    # A batched step knows variables, and no body.
    return optimizer if isinstance(optimizer, BatchedOptimizer) else optimizer.on_other_body()


def _without_betas(rows: Tensor) -> Tensor:
    pose, betas = split_variables(rows)
    return join_variables(pose, torch.zeros_like(betas))
