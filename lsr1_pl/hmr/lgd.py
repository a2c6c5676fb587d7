"""LGD, learned gradient descent (Song, Chen, Hilliges, ECCV 2020)."""

from __future__ import annotations

from typing import NoReturn

import torch
from torch import Tensor, nn

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.hmr.lgd_network import lgd_network
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.people_optimizer import PeopleOptimizer
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.hmr.variables import POSE_SIZE, join_variables, split_variables
from lsr1_pl.optim import BatchedOptimizer, Metric, OptimizerState


class LGD(nn.Module, PeopleOptimizer):
    """Two networks that read keypoints, pose and the pose's gradient, and emit the update.

    ``pose += step_size * P(keypoints, pose, df/dpose)`` and the betas likewise; the gradient is a
    constant to the meta-gradient, the pose is not. With the initial-estimate networks it has
    17,449,144 parameters. It steps only once it knows whom it fits: :meth:`observing`.

    Args:
        num_betas: shape coefficients.
        width: of both networks (1024 in LGD).
        dropout: rate in [0, 1) (0.2 in LGD).
        step_size: factor of the updates (0.1 in LGD).
    """

    def __init__(
        self,
        num_betas: int = 10,
        width: int = 1024,
        dropout: float = 0.2,
        step_size: float = 0.1,
    ) -> None:
        super().__init__()
        features = 2 * len(COCO18) + 2 * POSE_SIZE
        self.pose = lgd_network(features, POSE_SIZE, width, dropout)
        self.betas = lgd_network(features, num_betas, width, dropout)
        self.step_size = step_size

    def observing(
        self,
        observation: Observation,
        body: ProjectedBody | None = None,
        metric: Metric | None = None,
    ) -> BatchedOptimizer:
        """The optimiser of people with these keypoints; it needs neither body nor metric."""
        return _ObservingLGD(self, observation.keypoints)

    def on_other_body(self) -> NoReturn:
        """Refused.

        Raises:
            UserError: always; the networks give the betas of one body.
        """
        raise UserError(
            "LGD's networks give the betas of the body that they were trained on; fit another body "
            "with an optimiser of steps, such as hmr_open_lifted"
        )

    def update(self, keypoints: Tensor, x: Tensor, gradient: Tensor) -> Tensor:
        """(B, 18, 2), (B, N), (B, N) -> the change of x, (B, N)."""
        pose, _ = split_variables(x)
        slope, _ = split_variables(gradient.detach())
        features = torch.cat([keypoints.flatten(1), pose, slope], dim=1)
        change = join_variables(self.pose(features), self.betas(features))
        return self.step_size * change.to(x.dtype)


class _ObservingLGD(BatchedOptimizer):
    """LGD's networks at work on B people."""

    def __init__(self, networks: LGD, keypoints: Tensor) -> None:
        self._networks = networks
        self._keypoints = keypoints

    def init(self, x: Tensor, evaluation: Evaluation) -> OptimizerState:
        """State at ``x`` (B, N)."""
        return OptimizerState(x, evaluation, evaluation.gradient, None)

    def step(self, state: OptimizerState, objective: Objective) -> OptimizerState:
        """One update."""
        gradient = state.evaluation.gradient
        change = self._networks.update(self._keypoints, state.iterate, gradient)
        iterate = state.iterate + change
        return OptimizerState(iterate, objective.evaluate(iterate), -change, None)
