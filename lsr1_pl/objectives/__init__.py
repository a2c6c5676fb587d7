"""Objectives: batched functions of (B, N) points, with values and gradients."""

from lsr1_pl.objectives.base import AutogradObjective, FunctionObjective
from lsr1_pl.objectives.quadratic import Quadratic

__all__ = ["AutogradObjective", "FunctionObjective", "Quadratic"]
