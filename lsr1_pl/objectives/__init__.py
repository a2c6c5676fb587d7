"""Objectives: batched functions of (B, N) points, with values and gradients."""

from lsr1_pl.objectives.base import AutogradObjective, FunctionObjective
from lsr1_pl.objectives.benchmark_functions import (
    Ackley,
    DixonPrice,
    Levy,
    Powell,
    StyblinskiTang,
    Zakharov,
)
from lsr1_pl.objectives.diagonal_quadratic import DiagonalQuadratic
from lsr1_pl.objectives.least_squares import TanhLeastSquares
from lsr1_pl.objectives.logistic_regression import LogisticRegression
from lsr1_pl.objectives.quadratic import Quadratic
from lsr1_pl.objectives.rastrigin import Rastrigin
from lsr1_pl.objectives.rosenbrock import Rosenbrock

__all__ = [
    "Ackley",
    "AutogradObjective",
    "DiagonalQuadratic",
    "DixonPrice",
    "FunctionObjective",
    "Levy",
    "LogisticRegression",
    "Powell",
    "Quadratic",
    "Rastrigin",
    "Rosenbrock",
    "StyblinskiTang",
    "TanhLeastSquares",
    "Zakharov",
]
