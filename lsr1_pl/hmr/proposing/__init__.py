"""Learned optimisers of people: a network that knows the person proposes each step."""

from lsr1_pl.hmr.proposing.dense import DenseNetwork
from lsr1_pl.hmr.proposing.optimizers import AimedSteps, ProposedSteps, ProposingOptimizer
from lsr1_pl.hmr.proposing.situation import ProposingNetwork, Situation

__all__ = [
    "AimedSteps",
    "DenseNetwork",
    "ProposedSteps",
    "ProposingNetwork",
    "ProposingOptimizer",
    "Situation",
]
