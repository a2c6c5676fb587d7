"""The 30 problems of Appendix C.2.2, their solvers, and the rates of those that are not trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import yaml
from torch import Tensor

from lsr1_pl.data import draw_starts
from lsr1_pl.data.steps import step_generator
from lsr1_pl.objectives import DiagonalQuadratic, Rastrigin, Rosenbrock
from lsr1_pl.optim import (
    BFGS,
    LBFGS,
    SR1,
    AdaHessian,
    Adam,
    BatchedOptimizer,
    GradientDescent,
    Nesterov,
)

Family = Literal["quadratics", "rosenbrock", "rastrigin"]
FAMILIES: tuple[Family, ...] = ("quadratics", "rosenbrock", "rastrigin")

RATES_FILE = Path(__file__).parent / "assets" / "learning_rates.yaml"
"""What ``lsr1 bench tune`` found: solver -> family -> learning rate."""


@dataclass(frozen=True)
class Function:
    """One of the six functions, with the start points of its problems."""

    name: str
    family: Family
    objective: DiagonalQuadratic | Rosenbrock | Rastrigin
    distribution: Literal["normal", "uniform"]
    radius: float

    def starts(self, count: int, size: int, seed: int) -> Tensor:
        """(count, size) start points, a function of ``seed``, ``size`` and the name alone."""
        generator = step_generator(seed, size, *self.name.encode())
        return draw_starts(count, size, generator, self.distribution, self.radius)


FUNCTIONS = (
    *(
        Function(f"quadratic, κ={c:,}", "quadratics", DiagonalQuadratic(c), "normal", 1.0)
        for c in (1, 100, 1000, 10_000)
    ),
    Function("Rosenbrock", "rosenbrock", Rosenbrock(), "uniform", 2.048),
    Function("Rastrigin", "rastrigin", Rastrigin(), "uniform", 5.12),
)
SIZES = (50, 100, 250, 500, 1000)

HISTORY = 64
"""Buffer and history size of every limited-memory solver in the test (Table 7)."""

TUNED: dict[str, Callable[[float], BatchedOptimizer]] = {
    "L-BFGS": lambda rate: LBFGS(HISTORY, learning_rate=rate),
    "SR1": lambda rate: SR1(rate),
    "Adam": lambda rate: Adam(rate),
    "AdaHessian": lambda rate: AdaHessian(rate),
    "gradient descent": lambda rate: GradientDescent(rate),
    "Nesterov": lambda rate: Nesterov(rate),
}
"""Untrained solvers without a line search: their learning rate is tuned for each family."""

SEARCHING: dict[str, Callable[[], BatchedOptimizer]] = {
    "L-BFGS, Armijo": lambda: LBFGS(HISTORY, "armijo"),
    "L-BFGS, strong Wolfe": lambda: LBFGS(HISTORY, "strong_wolfe"),
    "BFGS": lambda: BFGS("armijo"),
}
"""Untrained solvers that search along their direction, from a unit step."""


def learning_rates() -> Mapping[str, Mapping[Family, float]]:
    """The committed result of ``lsr1 bench tune``."""
    rates: dict[str, dict[Family, float]] = yaml.safe_load(RATES_FILE.read_text(encoding="utf-8"))
    return rates


def distances(iterates: Tensor, function: Function) -> Tensor:
    """(K + 1, B) Euclidean distances of iterates (K + 1, B, N) to the global minimiser."""
    return torch.linalg.vector_norm(iterates - function.objective.minimizer(iterates[0]), dim=2)
