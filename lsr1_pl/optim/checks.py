"""Checks of options that many classes share."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError


def check_positive(owner: object, **options: float) -> None:
    """Raises a UserError that names the first option that is not above 0."""
    for name, value in options.items():
        if not value > 0:
            raise UserError(f"{type(owner).__name__} {name} is {value}; it must be above 0")


def check_counts(owner: object, **options: int) -> None:
    """Raises a UserError that names the first option below 1."""
    for name, value in options.items():
        if value < 1:
            raise UserError(f"{type(owner).__name__} {name} is {value}; it must be at least 1")


def check_fraction(owner: object, **options: float) -> None:
    """Raises a UserError that names the first option outside [0, 1)."""
    for name, value in options.items():
        if not 0 <= value < 1:
            raise UserError(f"{type(owner).__name__} {name} is {value}; it must lie in [0, 1)")


def check_precision(x0: Tensor, values: Tensor) -> None:
    """Raises a UserError where an objective's values are of a wider precision than its points."""
    if torch.promote_types(x0.dtype, values.dtype) != x0.dtype:
        raise UserError(
            f"x0 is of {x0.dtype} and the objective's values are of {values.dtype}: its data are "
            f"of a wider precision; give x0.to({values.dtype}), or the data in {x0.dtype}"
        )
