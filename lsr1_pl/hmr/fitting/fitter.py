"""The one way to fit people: an evaluation, a study and ``lsr1 predict`` all go through here.

A fit has four parts, each an object that can be read alone. A *start* says where it begins, a
*problem* what is minimised, an *optimizer* how it steps, and a *body* what is compared with the
keypoints. ``dataclasses.replace`` exchanges one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lsr1_pl.hmr.fitting.prediction import Prediction, best_states
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.people_optimizer import PeopleOptimizer, WholeFit
from lsr1_pl.hmr.problem import FittingProblem, ProjectedBody
from lsr1_pl.hmr.reprojection import JointsOf, ReprojectionObjective
from lsr1_pl.hmr.start import InitialError, Start
from lsr1_pl.optim import BatchedOptimizer, unroll

FitOptimizer = BatchedOptimizer | PeopleOptimizer | WholeFit
"""What may fit people: a batched step, one that must know whom it fits, or a method of its own."""


class PeopleFitter(Protocol):
    """What fits people, however: a :class:`Fitter`, or one that makes more of another's fits."""

    @property
    def body(self) -> ProjectedBody:
        """What is compared with the keypoints."""

    def predict(self, observation: Observation, steps: int) -> Prediction:
        """The fits of B observed people, after ``steps`` steps from the start."""


@dataclass(frozen=True)
class Fit:
    """The states that a fit of B people went through: the start, then S more."""

    iterates: Tensor
    """(S + 1, B, N) pose in radians, then betas."""
    values: Tensor
    """(S + 1, B) the objective."""
    reprojection: Tensor
    """(S + 1, B) the mean absolute reprojection error, in sides of the keypoints' box."""
    evaluations: Tensor
    """(S + 1, B) int: the gradients that were needed to reach each state."""
    visibility: Tensor
    """(B, 18) the weights of the keypoints."""
    joints_of: JointsOf

    def best(self) -> Prediction:
        """Each person's state of least objective, with a status that says how far to trust it."""
        return best_states(
            self.iterates, self.values, self.reprojection, self.visibility, self.joints_of
        )


@dataclass(frozen=True)
class Fitter:
    """Fits people to their keypoints.

    Args:
        start: where a fit begins.
        problem: what it minimises.
        optimizer: how it steps.
        body: what is compared with the keypoints.
        initial_error: how the start usually errs; metric and prior come from it.
        searches: whether the optimizer searches a line. A state is then reached only with the
            gradient at its own end; elsewhere that gradient belongs to the step after.
    """

    start: Start
    problem: FittingProblem
    optimizer: FitOptimizer
    body: ProjectedBody
    initial_error: InitialError
    searches: bool = False

    def objective(self, observation: Observation, x0: Tensor) -> ReprojectionObjective:
        """What is minimised for the observed people, who start at ``x0`` (B, N)."""
        prior = self.initial_error.prior(x0, self.problem.prior_weight)
        return self.problem.objective(self.body, observation, prior)

    def batched(self, observation: Observation) -> BatchedOptimizer:
        """The optimizer as a batched step for the observed people.

        Raises:
            TypeError: the optimizer fits people as a whole and has no steps.
        """
        if isinstance(self.optimizer, WholeFit):
            raise TypeError(f"{type(self.optimizer).__name__} has no batched step")
        if isinstance(self.optimizer, PeopleOptimizer):
            metric = self.initial_error.metric()
            return self.optimizer.observing(observation, self.body, metric)
        return self.optimizer

    def predict(self, observation: Observation, steps: int) -> Prediction:
        """Each person's state of least objective out of ``steps`` steps."""
        return self.fit(observation, steps).best()

    @torch.no_grad()
    def fit(self, observation: Observation, steps: int) -> Fit:
        """``steps`` steps from the start; a method that fits as a whole makes its own number."""
        x0 = self.start(observation)
        objective = self.objective(observation, x0)
        if isinstance(self.optimizer, WholeFit):
            whole = self.optimizer.fit_whole(observation, x0)
            iterates = whole.iterates
            taken = torch.tensor(whole.evaluations, device=x0.device)
            evaluations = taken.unsqueeze(1).expand(-1, len(x0))
            values = torch.stack([objective.value(x) for x in iterates])
        else:
            path = unroll(self.batched(observation), objective, x0, steps)
            iterates, values = path.iterates, path.values
            evaluations = path.evaluations - path.evaluations[0]
            evaluations[1:] += int(self.searches)
        return Fit(
            iterates,
            values,
            torch.stack([objective.reprojection(x) for x in iterates]),
            evaluations + self.start.gradients,
            observation.visibility,
            self.body.joints_of,
        )
