"""Classical optimisers, batched, one algorithm a file."""

from lsr1_pl.optim.classical.adahessian import AdaHessian
from lsr1_pl.optim.classical.adam import Adam
from lsr1_pl.optim.classical.bfgs import BFGS
from lsr1_pl.optim.classical.gauss_newton import GaussNewton
from lsr1_pl.optim.classical.gradient_descent import GradientDescent
from lsr1_pl.optim.classical.lbfgs import LBFGS
from lsr1_pl.optim.classical.nesterov import Nesterov
from lsr1_pl.optim.classical.newton import Newton
from lsr1_pl.optim.classical.polyak import PolyakDescent
from lsr1_pl.optim.classical.psd_sr1 import PSDSR1
from lsr1_pl.optim.classical.sr1 import SR1

__all__ = [
    "BFGS",
    "LBFGS",
    "PSDSR1",
    "SR1",
    "AdaHessian",
    "Adam",
    "GaussNewton",
    "GradientDescent",
    "Nesterov",
    "Newton",
    "PolyakDescent",
]
