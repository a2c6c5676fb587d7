"""Minimise a function, or a sum of squares, in one call."""

from lsr1_pl.pretrained.functional.least_squares import least_squares
from lsr1_pl.pretrained.functional.minimize import minimize
from lsr1_pl.pretrained.functional.outcome import Intermediate, Result

__all__ = ["Intermediate", "Result", "least_squares", "minimize"]
