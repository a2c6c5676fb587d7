"""Evaluations that solvers take to reach what L-BFGS reaches on the same problems."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.ground.types import Objective
from lsr1_pl.metrics.evaluations import value_after
from lsr1_pl.objectives.families import Problems
from lsr1_pl.optim import BatchedOptimizer, unroll

BUDGETS = (50, 100)
"""Evaluations of L-BFGS whose values are to be reached; the start's is one of them."""
CLOSE = 1e-6
"""Of L-BFGS's fall: a value so near to its own counts as reached."""


@dataclass(frozen=True)
class Curve:
    """What evaluations bought one solver on B problems."""

    least: Tensor
    """(100, B) the least value known after 1 to 100 evaluations."""

    def targets(self, budget: int) -> Tensor:
        """(B,) what counts as having reached the values of this curve after ``budget``."""
        start, there = self.least[0], self.least[budget - 1]
        return there + CLOSE * (start - there)

    def reaches(self, targets: Tensor) -> Tensor:
        """(B,) evaluations until a value is at most ``targets`` (B,); infinite where none is."""
        there = self.least <= targets
        first = there.int().argmax(dim=0).double() + 1
        return torch.where(there.any(dim=0), first, torch.inf)


def curve(solver: BatchedOptimizer, problems: Problems) -> Curve:
    """Of ``solver`` on problems, in double precision, from their usual starts."""
    with torch.no_grad():
        told = solver.knowing(problems.features.double())
        path = unroll(told, problems.objective, problems.x0.double(), BUDGETS[-1] - 1)
    least = [value_after(path.values, path.evaluations, k) for k in range(BUDGETS[-1])]
    return Curve(torch.stack(least).double())


def scipy_curve(problems: Problems) -> Curve:
    """Of SciPy's L-BFGS-B as it is by default, but for a stopping test that never stops it."""
    from scipy.optimize import minimize

    most = BUDGETS[-1]
    options = {"maxfun": most, "maxiter": most, "ftol": 0.0, "gtol": 0.0}
    columns = []
    for row in range(len(problems.x0)):
        alone = _Row(problems.objective, row, len(problems.x0))
        x0 = problems.x0[row].double().numpy()
        minimize(alone, x0, jac=True, method="L-BFGS-B", options=options)
        least = np.minimum.accumulate(alone.values[:most])
        columns.append(np.pad(least, (0, most - len(least)), mode="edge"))
    return Curve(torch.from_numpy(np.stack(columns, axis=1)))


class _Row:
    """One problem of a batch of ``count``, as SciPy asks for it."""

    def __init__(self, objective: Objective, row: int, count: int) -> None:
        self._objective: Any = copy.copy(objective)
        for name, value in vars(objective).items():
            if isinstance(value, Tensor) and value.ndim and len(value) == count:
                setattr(self._objective, name, value[row : row + 1])
        self.values: list[float] = []

    def __call__(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        with torch.no_grad():
            found = self._objective.evaluate(torch.from_numpy(x.copy()).unsqueeze(0))
        value = float(found.value[0])
        self.values.append(value if np.isfinite(value) else np.inf)
        return value, found.gradient[0].double().numpy()
