"""Hyperparameters of Gaussian processes on parts of one table, by the marginal likelihood."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.objectives.base import AutogradObjective
from lsr1_pl.objectives.families.family import ProblemFamily, Problems, Split

INPUTS = 10
_TABLE = Path(__file__).with_name("assets") / "diabetes.npz"
_PARTS: dict[Split, tuple[int, int]] = {
    "train": (0, 222),
    "validation": (222, 332),
    "test": (332, 442),
}
"""The rows of each part: half the table, and two quarters."""
_JITTER = 1e-4
"""Of the noise's variance: below it, 32 bits cannot factor the matrix."""
_PRIOR_SPREAD = 2.0
_RIDGE = 0.1


class GaussianProcessLikelihood(AutogradObjective):
    """Minus the log marginal likelihood of a Gaussian process, and a weak prior, per observation.

    The covariance of observations is ``s^2 exp(-|(z - z') / l|^2 / 2) + n^2 [same]``: a length l
    for each input (automatic relevance determination, Rasmussen and Williams 2006, Eqs. 5.8 and
    5.1). x holds ``log l`` of the D inputs, ``log s`` and ``log n``. Each has a normal prior of
    mean 0 and standard deviation 2, so that a length that data say nothing of does not run away.

    Args:
        inputs: (B, M, D) z, in units of their standard deviation.
        targets: (B, M), of mean 0 and variance 1.

    Raises:
        UserError: the shapes do not fit together.
    """

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        if inputs.ndim != 3 or targets.shape != inputs.shape[:2]:
            raise UserError(
                f"GaussianProcessLikelihood got inputs {tuple(inputs.shape)} and targets "
                f"{tuple(targets.shape)}; expected (B, M, D) and (B, M)"
            )
        self.inputs = inputs
        self.targets = targets

    @in_full_precision
    def value(self, x: Tensor) -> Tensor:
        """(B, D + 2) -> (B,); infinite where the covariance cannot be factored."""
        rows = self.targets.shape[1]
        inputs, targets = self.inputs.to(x), self.targets.to(x)
        scaled = inputs * torch.exp(-x[:, None, :-2])
        square = scaled.square().sum(dim=2)
        products = scaled @ scaled.mT
        # Rounding must not make a squared distance negative.
        apart = (square[:, :, None] + square[:, None, :] - 2 * products).clamp_min(0.0)
        signal, noise = torch.exp(2 * x[:, -2]), torch.exp(2 * x[:, -1]) + _JITTER
        identity = torch.eye(rows, dtype=x.dtype, device=x.device)
        covariance = signal[:, None, None] * torch.exp(-0.5 * apart)
        covariance = covariance + noise[:, None, None] * identity
        sound = covariance.detach().isfinite().all(dim=2).all(dim=1)
        covariance = torch.where(sound[:, None, None], covariance, identity)
        factor, failed = torch.linalg.cholesky_ex(covariance)
        sound = sound & (failed == 0)
        factor = torch.where(sound[:, None, None], factor, identity)
        whitened = torch.linalg.solve_triangular(factor, targets.unsqueeze(2), upper=False)
        fit = 0.5 * whitened.square().sum(dim=(1, 2))
        size = torch.diagonal(factor, dim1=1, dim2=2).log().sum(dim=1)
        prior = 0.5 * (x / _PRIOR_SPREAD).square().sum(dim=1)
        value = (fit + size + prior) / rows + 0.5 * math.log(2 * math.pi)
        return torch.where(sound, value, torch.inf)


class GaussianProcessFamily(ProblemFamily):
    """Gaussian processes on random patients of the diabetes table of Efron et al. (2004).

    A problem is a draw of patients without replacement; ten measurements are the inputs, the
    progression of the disease a year later is the target. Inputs are in units of the training
    part, targets in units of the draw. Training, validation and test draw from disjoint patients.
    The usual start is that of scikit-learn's kernels: every length, the signal and the noise are 1.

    The features are averages over the draw, of an order that needs no likelihood: covariances of
    inputs with each other, with the target, and of their squares and products of two with it; the
    coefficients of a ridge regression and the logarithm of its residual.

    Args:
        rows: patients in a problem, from 16 to 110.
        part: whose patients: train, validation or test.

    Raises:
        UserError: an argument is out of its range.
    """

    variables = INPUTS + 2
    features = INPUTS * (INPUTS + 1) + 2 * INPUTS + 1

    def __init__(self, rows: int = 48, part: Split = "train") -> None:
        if not 16 <= rows <= 110:
            raise UserError(f"GaussianProcessFamily rows is {rows}; it must be from 16 to 110")
        if part not in _PARTS:
            raise UserError(
                f"GaussianProcessFamily part is {part!r}; expected one of {', '.join(_PARTS)}"
            )
        self.rows = rows
        self.part = part

    def split(self, part: Split) -> GaussianProcessFamily:
        """The same family on the patients of this part."""
        return GaussianProcessFamily(self.rows, part)

    def sample(self, count: int, generator: torch.Generator) -> Problems:
        """``count`` draws of patients."""
        inputs, targets = _table()
        first, end = _PARTS[self.part]
        order = torch.rand(count, end - first, generator=generator).argsort(dim=1)
        chosen = first + order[:, : self.rows]
        drawn, progress = inputs[chosen], targets[chosen]
        progress = progress - progress.mean(dim=1, keepdim=True)
        progress = progress / progress.square().mean(dim=1, keepdim=True).sqrt()
        return Problems(
            x0=torch.zeros(count, self.variables),
            objective=GaussianProcessLikelihood(drawn, progress),
            features=_averages(drawn, progress),
            family="Gaussian process",
        )


@cache
def _table() -> tuple[Tensor, Tensor]:
    """(442, 10) inputs in units of the training part, and (442,) targets."""
    arrays = load_npz(_TABLE)
    inputs = torch.from_numpy(arrays["inputs"]).float()
    first, end = _PARTS["train"]
    known = inputs[first:end]
    inputs = (inputs - known.mean(dim=0)) / known.std(dim=0)
    return inputs, torch.from_numpy(arrays["targets"]).float()


def _averages(inputs: Tensor, targets: Tensor) -> Tensor:
    """(B, F) features of draws (B, M, D) and (B, M)."""
    rows = inputs.shape[1]
    row, column = torch.tril_indices(INPUTS, INPUTS).tolist()
    centred = inputs - inputs.mean(dim=1, keepdim=True)
    among = centred.mT @ centred / rows
    along = torch.einsum("bmd,bm->bd", centred, targets) / rows
    products = centred[:, :, row] * centred[:, :, column]
    bent = torch.einsum("bmp,bm->bp", products, targets) / rows
    ridge = among + _RIDGE * torch.eye(INPUTS)
    weights = torch.linalg.solve(ridge, along)
    left = targets - torch.einsum("bmd,bd->bm", centred, weights)
    residual = left.square().mean(dim=1, keepdim=True).sqrt().log()
    return torch.cat([among[:, row, column], bent, along, weights, residual], dim=1)
