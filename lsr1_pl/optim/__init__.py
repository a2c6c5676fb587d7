"""Optimisers: batched steps that know nothing of files, bodies or Lightning."""

from lsr1_pl.optim.classical import (
    BFGS,
    LBFGS,
    SR1,
    AdaHessian,
    Adam,
    GradientDescent,
    Nesterov,
    Newton,
    PolyakDescent,
)
from lsr1_pl.optim.curvature import LowRankCurvature
from lsr1_pl.optim.inputs import EncoderInputs
from lsr1_pl.optim.lsr1 import LSR1, LSR1State
from lsr1_pl.optim.metric import InMetric, Metric
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState
from lsr1_pl.optim.unroll import Trajectory, unroll

__all__ = [
    "BFGS",
    "LBFGS",
    "LSR1",
    "SR1",
    "AdaHessian",
    "Adam",
    "BatchedOptimizer",
    "EncoderInputs",
    "GradientDescent",
    "InMetric",
    "LSR1State",
    "LowRankCurvature",
    "Metric",
    "Nesterov",
    "Newton",
    "OptimizerState",
    "PolyakDescent",
    "Trajectory",
    "unroll",
]
