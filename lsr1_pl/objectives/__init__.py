"""Objectives: batched functions of (B, N) points, with values and gradients."""

from lsr1_pl.objectives.base import AutogradObjective, FunctionObjective
from lsr1_pl.objectives.diagonal_quadratic import DiagonalQuadratic
from lsr1_pl.objectives.quadratic import Quadratic
from lsr1_pl.objectives.rastrigin import Rastrigin
from lsr1_pl.objectives.rosenbrock import Rosenbrock

__all__ = [
    "AutogradObjective",
    "DiagonalQuadratic",
    "FunctionObjective",
    "Quadratic",
    "Rastrigin",
    "Rosenbrock",
]
