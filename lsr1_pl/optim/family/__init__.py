"""What an optimiser can learn of a family of problems, as parts of one optimiser."""

from lsr1_pl.optim.family.aimed import FeatureAimedLSR1
from lsr1_pl.optim.family.images import CosineMetric, ImageStart
from lsr1_pl.optim.family.metrics import DiagonalMetric, FamilyMetric, MetricNetwork, SecondMoment
from lsr1_pl.optim.family.optimizer import FamilyOptimizer, FamilyState
from lsr1_pl.optim.family.starts import FamilyStart, MeanSolution, StartNetwork

__all__ = [
    "CosineMetric",
    "DiagonalMetric",
    "FamilyMetric",
    "FamilyOptimizer",
    "FamilyStart",
    "FamilyState",
    "FeatureAimedLSR1",
    "ImageStart",
    "MeanSolution",
    "MetricNetwork",
    "SecondMoment",
    "StartNetwork",
]
