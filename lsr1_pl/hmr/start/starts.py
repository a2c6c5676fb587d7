"""The places where a fit may begin, each a small class with one method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.hmr.lgd import LGD
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.problem import EQ12, ProjectedBody
from lsr1_pl.hmr.start.estimator import Estimator
from lsr1_pl.hmr.variables import POSE_SIZE
from lsr1_pl.optim import unroll

_HEADINGS = 8


class Start(ABC):
    """Says where the fits of the observed people begin."""

    gradients: int = 0
    """How many gradients of the objective it takes to find that place."""

    @abstractmethod
    def __call__(self, observation: Observation) -> Tensor:
        """B observed people -> x0 (B, N): pose in radians, then betas."""


@dataclass(frozen=True)
class EstimateStart(Start):
    """Fits begin where a network guesses.

    Args:
        network: what is observed -> x0.
        frozen: whether the network always works as in an evaluation: without dropout, and
            normalised by its running statistics.
    """

    network: Estimator
    frozen: bool = False

    def __call__(self, observation: Observation) -> Tensor:
        """The estimates (B, N); a gradient to the network flows through them."""
        if self.frozen:
            self.network.eval()
        return self.network.estimate(observation)


class LGDStart(Start):
    """Fits begin where a trained LGD ends, which itself begins at another start.

    Args:
        before: where LGD begins.
        lgd: its networks; they stay as they are.
        updates: how many updates it makes; each takes a gradient of Eq. 12.
        body: what is fitted.
    """

    def __init__(self, before: Start, lgd: LGD, updates: int, body: ProjectedBody) -> None:
        self.gradients = before.gradients + updates
        self._before, self._lgd, self._updates, self._body = before, lgd, updates, body

    @torch.no_grad()
    def __call__(self, observation: Observation) -> Tensor:
        """LGD's fits (B, N), constants to any gradient."""
        x0 = self._before(observation)
        solver = self._lgd.eval().observing(observation)
        objective = EQ12.objective(self._body, observation)
        return unroll(solver, objective, x0, self._updates).iterates[-1]


@dataclass(frozen=True)
class MeanPoseStart(Start):
    """Fits begin at one pose and zero betas, in whichever of 8 headings reprojects best.

    Args:
        pose: (69,) radians, of the joints without the root.
        num_betas: how many shape coefficients are fitted.
        body: what is fitted.
    """

    pose: Tensor
    num_betas: int
    body: ProjectedBody

    def __call__(self, observation: Observation) -> Tensor:
        """The pose (B, N), turned for each person."""
        count = len(observation.keypoints)
        objective = EQ12.objective(self.body, observation)
        values, states = [], []
        for heading in range(_HEADINGS):
            x = torch.zeros(count, POSE_SIZE + self.num_betas)
            x[:, 1] = 2 * torch.pi * heading / _HEADINGS
            x[:, 3:POSE_SIZE] = self.pose
            states.append(x)
            values.append(objective.value(x))
        best = torch.stack(values).argmin(dim=0)
        return torch.stack(states)[best, torch.arange(count)]


@dataclass(frozen=True)
class GivenStart(Start):
    """Fits begin at places that are known already.

    Args:
        x0: (B, N).
        gradients: how many gradients it took to find them.
    """

    x0: Tensor
    gradients: int = 0

    def __call__(self, observation: Observation) -> Tensor:
        """Those places, whatever is observed."""
        return self.x0
