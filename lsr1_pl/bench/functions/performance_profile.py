"""Performance profiles (Dolan and Moré, 2002; Eq. 11 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """``rho_s(tau)``: the share of problems that a solver does within a factor tau of the best."""

    ratios: Mapping[str, Array]
    """Solver -> (P,) performance ratios r >= 1; infinite where it did not solve the problem."""

    def rho(self, solver: str, tau: Array) -> Array:
        """``rho_s`` at each ``tau``."""
        return np.mean(self.ratios[solver][None, :] <= tau[:, None], axis=1)

    def area(self, solver: str, decades: float) -> float:
        """Mean of ``rho_s`` over ``log10 tau`` in [0, decades]: 1 is best on all, 0 on none.

        Exact: a problem of ratio r adds ``1 - log10(r) / decades``, or 0 beyond.
        """
        with np.errstate(divide="ignore"):
            logarithms = np.log10(self.ratios[solver])
        return float(np.mean(np.clip(1 - logarithms / decades, 0, 1)))


def profile(measures: Mapping[str, Array]) -> Profile:
    """The profile of positive ``measures``: solver -> (P,), smaller is better, inf is unsolved.

    A problem that no solver solved counts for none of them. The m_{p,s} of the paper divide by
    the worst solver's distance, which these ratios do not depend on.
    """
    best = np.min(np.stack(list(measures.values())), axis=0)
    with np.errstate(invalid="ignore"):
        ratios = {
            solver: np.where(np.isfinite(measure), measure / best, np.inf)
            for solver, measure in measures.items()
        }
    return Profile(ratios)
