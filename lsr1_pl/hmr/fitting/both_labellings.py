"""Fits of people whose left and right a detector exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.hmr.fitting.fitter import PeopleFitter
from lsr1_pl.hmr.fitting.prediction import Prediction
from lsr1_pl.hmr.fitting.views import ARMS, LEGS, WHOLE, exchanged, relabelled
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.problem import ProjectedBody

LIMBS = (LEGS, ARMS, LEGS + ARMS)
"""The limbs whose sides a detector exchanges: both legs, both arms, or all four."""


@dataclass(frozen=True)
class BothLabellings:
    """Fits people with left and right of their limbs exchanged, where that fits clearly better.

    A short trial of each labelling decides, by the objective: residual and prior. A fit of an
    exchanged limb follows the keypoints closely, but twisted: the prior sees it. A body that is
    exchanged as a whole, face and all, mostly fits as well, with its back to the camera: far from
    the camera, its mirror image in depth has the same keypoints, and is a body. It is tried where
    the trial is poor. Elsewhere only a sequence shows it
    (:func:`lsr1_pl.hmr.fitting.labels.continuous_sides`).

    Args:
        fitter: fits with the labels that were chosen.
        trial: fits for the choice.
        trial_steps: of each trial, 0 or more.
        gain: a labelling is taken if its objective is less than this share of that of the one
            which was detected.
        doubt: the error of a trial, in sides of the keypoints' box, from which on the whole body
            is exchanged, too.
    """

    fitter: PeopleFitter
    trial: PeopleFitter
    trial_steps: int = 3
    gain: float = 0.7
    doubt: float = 0.03

    @property
    def body(self) -> ProjectedBody:
        """The fitter's."""
        return self.fitter.body

    def predict(self, observation: Observation, steps: int) -> Prediction:
        """The fits of B observed people; ``exchanged`` says whose labels were."""
        order = torch.arange(observation.keypoints.shape[1]).repeat(len(observation.keypoints), 1)
        for rows, other in self._better(observation):
            order[rows] = torch.tensor(other)
        chosen = relabelled(observation, order.to(observation.keypoints.device))
        found = self.fitter.predict(chosen, steps)
        return found._replace(exchanged=(order != order.sort(dim=1).values).any(dim=1))

    def _better(self, observation: Observation) -> Iterator[tuple[Tensor, list[int]]]:
        """Whose labelling is better than all before, and which; the later ones count."""
        detected = self.trial.predict(observation, self.trial_steps)
        least = self.gain * detected.objective
        for parts in (*LIMBS, WHOLE):
            other = exchanged(parts)
            tried = self.trial.predict(relabelled(observation, other), self.trial_steps)
            better = tried.objective < least
            if parts == WHOLE:
                better &= detected.error > self.doubt
            least = torch.where(better, tried.objective, least)
            yield better, other
