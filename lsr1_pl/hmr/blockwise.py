"""Two optimisers side by side, one for the pose and one for the betas."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.hmr.variables import POSE_SIZE
from lsr1_pl.optim import LSR1, BatchedOptimizer, BlocksState, LSR1State

_POSE, _BETAS = 0, 1


class _Place(NamedTuple):
    """A block's part of the points, and of the objective there."""

    iterate: Tensor
    evaluation: Evaluation


class Blockwise(nn.Module, BatchedOptimizer):
    """An L-SR1 for the 72 numbers of the pose and another for the betas, so B is block diagonal.

    Each has its own networks and its own vectors. Both step at once, and the objective is
    evaluated once for both. The authors' published code has two of 898,187 parameters each.

    Args:
        pose: steps the pose.
        betas: steps the betas.
        pose_counts_twice: whether the secant penalty is twice the pose's, and not the sum of the
            pose's and the betas'. The authors' published code reads the pose's residual in place
            of the betas', so that this is what it computes.
    """

    def __init__(self, pose: LSR1, betas: LSR1, pose_counts_twice: bool = False) -> None:
        super().__init__()
        self.pose = pose
        self.betas = betas
        self._penalised = (_POSE, _POSE) if pose_counts_twice else (_POSE, _BETAS)

    def init(self, x: Tensor, evaluation: Evaluation) -> BlocksState:
        """State at ``x`` (B, 72 + num_betas), where both optimisers begin."""
        pose, betas = _places(x, evaluation)
        return self._state(self.pose.init(*pose), self.betas.init(*betas), x, evaluation)

    def step(self, state: BlocksState, objective: Objective) -> BlocksState:
        """One step of both."""
        pose, betas = _of(state)
        ahead = self.pose.propose(pose), self.betas.propose(betas)
        iterate = torch.cat([block.iterate for block in ahead], dim=1)
        return self._moved((pose, betas), ahead, iterate, objective.evaluate(iterate))

    def moved(
        self, before: BlocksState, after: BlocksState, iterate: Tensor, evaluation: Evaluation
    ) -> BlocksState:
        """With each block moved as its own optimiser has it."""
        return self._moved(_of(before), _of(after), iterate, evaluation)

    def _moved(
        self,
        before: tuple[LSR1State, LSR1State],
        after: tuple[LSR1State, LSR1State],
        iterate: Tensor,
        evaluation: Evaluation,
    ) -> BlocksState:
        places = _places(iterate, evaluation)
        pose = self.pose.moved(before[_POSE], after[_POSE], *places[_POSE])
        betas = self.betas.moved(before[_BETAS], after[_BETAS], *places[_BETAS])
        return self._state(pose, betas, iterate, evaluation)

    def _state(
        self, pose: LSR1State, betas: LSR1State, iterate: Tensor, evaluation: Evaluation
    ) -> BlocksState:
        direction = torch.cat([pose.direction, betas.direction], dim=1)
        return BlocksState(iterate, evaluation, direction, None, (pose, betas), self._penalised)


def _of(state: BlocksState) -> tuple[LSR1State, LSR1State]:
    return cast("tuple[LSR1State, LSR1State]", state.blocks)


def _places(x: Tensor, evaluation: Evaluation) -> tuple[_Place, _Place]:
    value, gradient = evaluation
    pose = _Place(x[:, :POSE_SIZE], Evaluation(value, gradient[:, :POSE_SIZE]))
    return pose, _Place(x[:, POSE_SIZE:], Evaluation(value, gradient[:, POSE_SIZE:]))
