"""The people of an evaluation, kept with their fits and errors: for pictures and single cases."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.hmr.evaluation.errors import FitErrors
from lsr1_pl.hmr.observation import Observation


class EvaluatedPeople(NamedTuple):
    """P people in the order of their data set, on the CPU; N variables of pose and betas."""

    keypoints: Tensor
    """(P, 18, 2) normalised detections."""
    visibility: Tensor
    """(P, 18) the weights of the keypoints; 0 is invisible."""
    initial: Tensor
    """(P, N) where the fits began."""
    fitted: Tensor
    """(P, N) the fits."""
    initial_mm: Tensor
    """(P,) PA-MPJPE in mm of the initial estimate; NaN for a person that does not count."""
    fitted_mm: Tensor
    """(P,) PA-MPJPE of the fit; NaN for a person that does not count."""
    reprojection: Tensor
    """(P,) reprojection error of the fit, in thousandths of the keypoints' box."""


class PeopleKeeper:
    """Collects :class:`EvaluatedPeople` over the batches of an evaluation."""

    def __init__(self) -> None:
        self._batches: list[EvaluatedPeople] = []

    def add(self, observation: Observation, iterates: Tensor, errors: FitErrors, step: int) -> None:
        """One batch of B people.

        Args:
            observation: what was seen of them.
            iterates: (S, B, N) the states of their fits, the initial estimate first.
            errors: the errors of these states; PA-MPJPE is kept of the first set of joints.
            step: the state that is kept as the fit.
        """
        pa_mpjpe = next(iter(errors.pa_mpjpe.values()))
        batch = EvaluatedPeople(
            observation.keypoints,
            observation.visibility,
            iterates[0],
            iterates[step],
            pa_mpjpe[0],
            pa_mpjpe[step],
            1e3 * errors.reprojection[step],
        )
        self._batches.append(EvaluatedPeople(*(t.detach().cpu() for t in batch)))

    def people(self) -> EvaluatedPeople | None:
        """All so far; None before any."""
        if not self._batches:
            return None
        return EvaluatedPeople(*(torch.cat(parts) for parts in zip(*self._batches, strict=True)))
