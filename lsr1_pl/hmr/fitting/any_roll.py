"""Fits of people who lie, or whose camera was turned: the image is rolled until they stand."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lsr1_pl.hmr.fitting.fitter import Fitter
from lsr1_pl.hmr.fitting.prediction import Prediction, seen_error
from lsr1_pl.hmr.fitting.views import roll_back, rolled
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.problem import EQ12, ProjectedBody
from lsr1_pl.hmr.start import GivenStart


@dataclass(frozen=True)
class AnyRoll:
    """Fits people in whichever roll of the image their start reprojects best.

    A start that was trained on upright people errs by much on the others, and its reprojection
    shows it. Whoever is in doubt by it gets a start in every roll; the fit itself is made once, in
    the chosen one, and turned back.

    Args:
        fitter: how people are fitted.
        rolls: how many, evenly over the full turn; 1 or more.
        doubt: the error of a start, in sides of the keypoints' box, from which on others are tried.
        gain: a roll is taken if its error is less than this share of that of the image as it is.
    """

    fitter: Fitter
    rolls: int = 8
    doubt: float = 0.012
    gain: float = 0.8

    @property
    def body(self) -> ProjectedBody:
        """The fitter's."""
        return self.fitter.body

    @torch.no_grad()
    def predict(self, observation: Observation, steps: int) -> Prediction:
        """The fits of B observed people, as the image shows them."""
        x0, angle = self._start(observation)
        seen = _where(angle != 0, rolled(observation, angle), observation)
        start = GivenStart(x0, self.fitter.start.gradients)
        found = replace(self.fitter, start=start).predict(seen, steps)
        if not bool(angle.any()):
            return found
        turned = roll_back(found.pose, angle)
        pose = torch.where((angle != 0).unsqueeze(1), turned, found.pose)
        return found._replace(pose=pose, joints=self.body.joints_of(pose, found.betas))

    def _start(self, observation: Observation) -> tuple[Tensor, Tensor]:
        """Where each fit starts, (B, N), and by which angle (B,) its image is rolled."""
        x0, error = self._tried(observation)
        angle = torch.zeros_like(error)
        rows = torch.nonzero(error > self.doubt).flatten()
        if len(rows) == 0:
            return x0, angle
        doubtful = _rows(observation, rows)
        least = self.gain * error[rows]
        for number in range(1, self.rolls):
            turn = torch.full_like(least, 2 * math.pi * number / self.rolls)
            states, errors = self._tried(rolled(doubtful, turn))
            better = errors < least
            least = torch.where(better, errors, least)
            x0[rows[better]] = states[better]
            angle[rows[better]] = turn[better]
        return x0, angle

    def _tried(self, observation: Observation) -> tuple[Tensor, Tensor]:
        x0 = self.fitter.start(observation)
        error = EQ12.objective(self.body, observation).reprojection(x0)
        return x0.clone(), seen_error(error, observation.visibility)


def _rows(observation: Observation, rows: Tensor) -> Observation:
    keypoints, visibility, focal = observation
    return Observation(keypoints[rows], visibility[rows], None if focal is None else focal[rows])


def _where(keep: Tensor, one: Observation, other: Observation) -> Observation:
    keypoints = torch.where(keep.view(-1, 1, 1), one.keypoints, other.keypoints)
    if one.focal is None or other.focal is None:
        return other._replace(keypoints=keypoints)
    return other._replace(keypoints=keypoints, focal=torch.where(keep, one.focal, other.focal))
