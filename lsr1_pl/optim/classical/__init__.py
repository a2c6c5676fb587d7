"""Classical optimisers, batched, one algorithm a file."""

from lsr1_pl.optim.classical.adam import Adam
from lsr1_pl.optim.classical.gradient_descent import GradientDescent

__all__ = ["Adam", "GradientDescent"]
