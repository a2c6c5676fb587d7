"""Solvers on people: errors of each person after each step, from any start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.data import MotionBatch
from lsr1_pl.hmr import (
    POSE_SIZE,
    Observation,
    PeopleOptimizer,
    PosePrior,
    ReprojectionObjective,
    SMPLify,
    join_variables,
    split_variables,
)
from lsr1_pl.metrics import pa_mpjpe
from lsr1_pl.optim import BatchedOptimizer, unroll
from lsr1_pl.tasks import HMRTask
from lsr1_pl.tasks.hmr_evaluation import EVALUATED_KEYPOINTS
from lsr1_pl.tasks.hmr_runs import fitting
from lsr1_pl.tasks.hmr_target import focal_in_boxes, synthetic_target

_HEADINGS = 8


@dataclass(frozen=True)
class People:
    """A batch to be fitted."""

    batch: MotionBatch
    observation: Observation
    true_joints: Tensor
    """(B, 14, 3) in metres."""
    focal: Tensor
    """(B,) in sides of the person's box."""


@dataclass(frozen=True)
class Errors:
    """What one solver reached on N people after each of S states."""

    pa_mpjpe: NDArray[np.float64]
    """(S, N) millimetres; infinite where a state is not finite."""
    reprojection: NDArray[np.float64]
    """(S, N), thousandths of the box's side."""
    evaluations: NDArray[np.float64]
    """(S,) gradients taken until each state, mean over people; 0 at an initial estimate."""

    @property
    def nonfinite(self) -> int:
        """States that are not finite, over all people and steps."""
        return int((~np.isfinite(self.pa_mpjpe)).sum())

    def curve(self) -> NDArray[np.float64]:
        """(S,) mean PA-MPJPE."""
        return self.pa_mpjpe.mean(axis=1)

    def best_step(self) -> int:
        """The state of least mean PA-MPJPE; one that is not finite for everybody never wins."""
        return int(np.where(np.isfinite(self.curve()), self.curve(), np.inf).argmin())


def people_of(task: HMRTask, batches: Sequence[MotionBatch]) -> list[People]:
    """The batches as the task's body and camera see them."""
    found = []
    for batch in batches:
        target, observation = synthetic_target(batch, task.joints_of, task.camera)
        focal = focal_in_boxes(batch, task.joints_of, task.camera)
        found.append(People(batch, observation, target.joints[:, :EVALUATED_KEYPOINTS], focal))
    return found


def initial_states(task: HMRTask, people: Sequence[People]) -> list[Tensor]:
    """Where the task's fits begin, (B, 82) each."""
    with torch.no_grad():
        return [task.start(each.observation) for each in people]


def mean_states(task: HMRTask, prior: PosePrior, people: Sequence[People]) -> list[Tensor]:
    """The prior's mean pose and zero betas, in whichever of 8 headings reprojects best."""
    found = []
    for each in people:
        count = len(each.focal)
        values, states = [], []
        for heading in range(_HEADINGS):
            x = torch.zeros(count, POSE_SIZE + task.body.num_betas)
            x[:, 1] = 2 * torch.pi * heading / _HEADINGS
            x[:, 3:POSE_SIZE] = prior.mean_pose()
            states.append(x)
            values.append(_eq12(task, each).value(x))
        best = torch.stack(values).argmin(dim=0)
        found.append(torch.stack(states)[best, torch.arange(count)])
    return found


def run_solver(
    task: HMRTask,
    solver: BatchedOptimizer | PeopleOptimizer,
    people: Sequence[People],
    starts: Sequence[Tensor],
    steps: int,
    *,
    own: bool = False,
    searches: bool = False,
) -> tuple[Errors, list[Tensor]]:
    """Errors of ``steps`` steps, and the iterates (S, B, N) of each batch.

    Eq. 12 is minimised, or, if ``own``, the task's own objective. A state's gradients are those
    that were needed to reach it: not the one that is taken there for the step after, unless the
    solver ``searches`` a line, which needs the gradients at both ends.
    """
    metric = task.initial_error.metric()
    parts, iterates = [], []
    for each, x0 in zip(people, starts, strict=True):
        with torch.no_grad():
            batched = fitting(solver, each.observation.keypoints, metric)
            objective = task.objective(each.observation, x0) if own else _eq12(task, each)
            path = unroll(batched, objective, x0, steps)
        taken = (path.evaluations - path.evaluations[0]).double().numpy()
        taken[1:] += float(searches)
        parts.append(_errors(task, each, path.iterates, taken))
        iterates.append(path.iterates)
    return _joined(parts), iterates


def run_trained(task: HMRTask, people: Sequence[People], steps: int) -> tuple[Errors, list[Tensor]]:
    """A task's own optimiser from its own start, on the objective of its training."""
    starts = initial_states(task, people)
    errors, iterates = run_solver(task, task.optimizer, people, starts, steps, own=True)
    return replace(errors, evaluations=errors.evaluations + task.gradients_before), iterates


def run_smplify(
    task: HMRTask, smplify: SMPLify, people: Sequence[People], starts: Sequence[Tensor]
) -> Errors:
    """Errors at the start, after the camera stage and after each body stage."""
    parts = []
    for each, x0 in zip(people, starts, strict=True):
        fit = smplify.fit(each.observation, each.focal, x0)
        taken = np.repeat(np.array(fit.evaluations, float)[:, None], len(x0), axis=1)
        parts.append(_errors(task, each, fit.iterates, taken))
    return _joined(parts)


def true_states(people: People) -> Tensor:
    """(B, 82) the truth."""
    return join_variables(people.batch.pose, people.batch.betas)


def _eq12(task: HMRTask, people: People) -> ReprojectionObjective:
    return ReprojectionObjective(task.joints_of, people.observation, task.camera, scale=1.0)


def _errors(
    task: HMRTask, people: People, iterates: Tensor, evaluations: NDArray[np.float64]
) -> Errors:
    objective, errors, values = _eq12(task, people), [], []
    with torch.no_grad():
        for x in iterates:
            joints = task.joints_of(*split_variables(x))[:, :EVALUATED_KEYPOINTS]
            errors.append(pa_mpjpe(joints, people.true_joints).numpy())
            values.append(1e3 * objective.reprojection(x).double().numpy())
    return Errors(np.stack(errors), np.stack(values), evaluations)


def _joined(parts: Sequence[Errors]) -> Errors:
    evaluations = np.concatenate([part.evaluations for part in parts], axis=1)
    return Errors(
        np.concatenate([part.pa_mpjpe for part in parts], axis=1),
        np.concatenate([part.reprojection for part in parts], axis=1),
        evaluations.mean(axis=1),
    )
