"""Learned optimisers of other papers, our own code, one a file."""

from lsr1_pl.optim.learned.bfgs import LearnedBFGS, LearnedBFGSState
from lsr1_pl.optim.learned.features import MomentaState, MomentumFeatures
from lsr1_pl.optim.learned.lstm import CoordinatewiseLSTM, LSTMState
from lsr1_pl.optim.learned.mlp import MomentumMLP
from lsr1_pl.optim.learned.transformer import RankOneState, RankOneTransformer

__all__ = [
    "CoordinatewiseLSTM",
    "LSTMState",
    "LearnedBFGS",
    "LearnedBFGSState",
    "MomentaState",
    "MomentumFeatures",
    "MomentumMLP",
    "RankOneState",
    "RankOneTransformer",
]
