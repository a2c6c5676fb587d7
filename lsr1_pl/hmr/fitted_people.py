"""The people of an evaluation, with their fits and errors: for pictures and tables of cases."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class FittedPeople(NamedTuple):
    """P people in the order of their data set, on the CPU; N variables of pose and betas."""

    keypoints: Tensor
    """(P, 18, 2) normalised detections."""
    visibility: Tensor
    """(P, 18)."""
    initial: Tensor
    """(P, N) the initial estimates."""
    fitted: Tensor
    """(P, N) the fits."""
    initial_mm: Tensor
    """(P,) PA-MPJPE of the initial estimate; NaN for a person that does not count."""
    fitted_mm: Tensor
    """(P,) likewise of the fit."""
    reprojection: Tensor
    """(P,) of the fit, in thousandths of the keypoints' box."""
