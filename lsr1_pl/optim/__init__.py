"""Optimisers: batched steps that know nothing of files, bodies or Lightning."""

from lsr1_pl.optim.classical import Adam, GradientDescent
from lsr1_pl.optim.curvature import LowRankCurvature
from lsr1_pl.optim.lsr1 import LSR1, LSR1State
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState
from lsr1_pl.optim.unroll import Trajectory, unroll

__all__ = [
    "LSR1",
    "Adam",
    "BatchedOptimizer",
    "GradientDescent",
    "LSR1State",
    "LowRankCurvature",
    "OptimizerState",
    "Trajectory",
    "unroll",
]
