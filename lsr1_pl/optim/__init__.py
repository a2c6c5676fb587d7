"""Optimisers: batched steps that know nothing of files, bodies or Lightning."""

from lsr1_pl.optim.classical import (
    BFGS,
    LBFGS,
    PSDSR1,
    SR1,
    AdaHessian,
    Adam,
    GradientDescent,
    Nesterov,
    Newton,
    PolyakDescent,
)
from lsr1_pl.optim.curvature import LowRankCurvature
from lsr1_pl.optim.initial_curvature import LSR1State
from lsr1_pl.optim.inputs import EncoderInputs
from lsr1_pl.optim.lsr1 import LSR1
from lsr1_pl.optim.metric import InMetric, Metric
from lsr1_pl.optim.minimize import Minimum, Status, minimize_batch
from lsr1_pl.optim.pair_lsr1 import PairLSR1, PairLSR1State
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState
from lsr1_pl.optim.safeguard import Safeguarded
from lsr1_pl.optim.secant_pairs import SecantPairs
from lsr1_pl.optim.torch_optimizer import LSR1Optimizer
from lsr1_pl.optim.unroll import Trajectory, unroll

__all__ = [
    "BFGS",
    "LBFGS",
    "LSR1",
    "PSDSR1",
    "SR1",
    "AdaHessian",
    "Adam",
    "BatchedOptimizer",
    "EncoderInputs",
    "GradientDescent",
    "InMetric",
    "LSR1Optimizer",
    "LSR1State",
    "LowRankCurvature",
    "Metric",
    "Minimum",
    "Nesterov",
    "Newton",
    "OptimizerState",
    "PairLSR1",
    "PairLSR1State",
    "PolyakDescent",
    "Safeguarded",
    "SecantPairs",
    "Status",
    "Trajectory",
    "minimize_batch",
    "unroll",
]
