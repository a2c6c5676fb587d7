"""Learned optimisers of other papers, our own code, one a file."""

from lsr1_pl.optim.learned.lstm import CoordinatewiseLSTM, LSTMState
from lsr1_pl.optim.learned.mlp import MomentaState, MomentumMLP

__all__ = ["CoordinatewiseLSTM", "LSTMState", "MomentaState", "MomentumMLP"]
