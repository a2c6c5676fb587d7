"""Methods on people: errors of each person after each step, from any start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import process_time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.data import MotionBatch
from lsr1_pl.hmr import Fitter, GivenStart, Start
from lsr1_pl.hmr.evaluation import KnownPeople, errors_of, observe_known
from lsr1_pl.hmr.evaluation.errors import KEYPOINTS
from lsr1_pl.tasks import HMRTask


@dataclass(frozen=True)
class Errors:
    """What one solver reached on N people after each of S states."""

    pa_mpjpe: NDArray[np.float64]
    """(S, N) millimetres; infinite where a state is not finite."""
    reprojection: NDArray[np.float64]
    """(S, N), thousandths of the box's side."""
    evaluations: NDArray[np.float64]
    """(S,) gradients taken until each state, mean over people; 0 at an initial estimate."""
    seconds: float = 0.0
    """Processor time of all N fits together, the start's included; 0 where nobody measured it."""

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


def people_of(task: HMRTask, batches: Sequence[MotionBatch]) -> list[KnownPeople]:
    """The batches as the task's body and camera see them."""
    body = task.fitter.body
    return [observe_known(batch, body) for batch in batches]


def states_at(start: Start, people: Sequence[KnownPeople]) -> list[Tensor]:
    """Where fits begin, (B, N) of each batch."""
    with torch.no_grad():
        return [start(each.observation) for each in people]


def run_fitter(
    fitter: Fitter,
    people: Sequence[KnownPeople],
    steps: int,
    starts: Sequence[Tensor] | None = None,
) -> tuple[Errors, list[Tensor]]:
    """The errors of a fitter's ``steps`` steps, and the iterates (S, B, N) of each batch.

    Args:
        fitter: how the people are fitted.
        people: the batches.
        steps: of the optimiser.
        starts: (B, N) of each batch, where they are known already; those of the fitter if None.
    """
    parts, iterates = [], []
    for number, each in enumerate(people):
        one = fitter if starts is None else replace(fitter, start=GivenStart(starts[number]))
        before = process_time()
        fit = one.fit(each.observation, steps)
        spent = process_time() - before
        errors = errors_of(fit, each.joint_sets)
        parts.append(
            Errors(
                errors.pa_mpjpe[KEYPOINTS].numpy(),
                1e3 * errors.reprojection.double().numpy(),
                fit.evaluations.double().numpy(),
                spent,
            )
        )
        iterates.append(fit.iterates)
    return _joined(parts), iterates


def _joined(parts: Sequence[Errors]) -> Errors:
    evaluations = np.concatenate([part.evaluations for part in parts], axis=1)
    return Errors(
        np.concatenate([part.pa_mpjpe for part in parts], axis=1),
        np.concatenate([part.reprojection for part in parts], axis=1),
        evaluations.mean(axis=1),
        sum(part.seconds for part in parts),
    )
