"""The solvers and problems of the general optimiser's study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lsr1_pl.bench.functions.problems import FUNCTIONS, Function, learning_rates
from lsr1_pl.bench.functions.solving import solve
from lsr1_pl.data import MixtureBatch, draw_starts
from lsr1_pl.data.steps import step_generator
from lsr1_pl.metrics.evaluations import value_after
from lsr1_pl.objectives import (
    Ackley,
    DixonPrice,
    Levy,
    Powell,
    Quadratic,
    StyblinskiTang,
    Zakharov,
)
from lsr1_pl.optim import (
    BFGS,
    LBFGS,
    PSDSR1,
    AdaHessian,
    Adam,
    BatchedOptimizer,
    GradientDescent,
    Nesterov,
    Safeguarded,
)

MEMORY = 8
"""L of every limited-memory solver."""

FUNCTIONS_NOT_TRAINED_ON = (
    Ackley(),
    DixonPrice(),
    Levy(),
    Powell(),
    StyblinskiTang(),
    Zakharov(),
)
SIZES = (52, 100, 252, 500, 1000)
"""N of the functions not trained on; Powell's needs multiples of 4."""

RATES = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
"""What is tried for a first-order solver on a function that lsr1 bench tune has not seen."""

TUNING_STARTS = 2
_TUNING = 1_000_003
"""Added to the seed of the starts on which rates are chosen, so that they are other starts."""

FIRST_ORDER: Mapping[str, Callable[[float], BatchedOptimizer]] = {
    "Adam": Adam,
    "AdaHessian": AdaHessian,
    "Nesterov": Nesterov,
    "gradient descent": GradientDescent,
}

SEARCHING: Mapping[str, Callable[[], BatchedOptimizer]] = {
    "L-BFGS, Armijo": lambda: LBFGS(MEMORY, "armijo"),
    "L-BFGS, strong Wolfe": lambda: LBFGS(MEMORY, "strong_wolfe"),
    "BFGS": lambda: BFGS("armijo"),
    "PSD-SR1, guarded": lambda: Safeguarded(PSDSR1(MEMORY)),
}


@dataclass(frozen=True)
class Problem:
    """A function at one N, and what of the first-order solvers was tuned on it."""

    name: str
    size: int
    trained_on: bool
    """Whether its family is one that the general optimiser is trained on."""
    function: Function | Ackley | DixonPrice | Levy | Powell | StyblinskiTang | Zakharov
    rates: Mapping[str, float]

    @property
    def objective(self) -> Any:
        """The function itself."""
        return self.function.objective if isinstance(self.function, Function) else self.function

    def starts(self, count: int, seed: int) -> Tensor:
        """(count, size) in float64, of ``seed`` and the problem alone."""
        if isinstance(self.function, Function):
            return self.function.starts(count, self.size, seed).double()
        generator = step_generator(seed, self.size, *self.name.encode())
        return draw_starts(count, self.size, generator, "uniform", self.function.radius).double()

    def solvers(self, learned: Mapping[str, BatchedOptimizer]) -> dict[str, BatchedOptimizer]:
        """Every solver of the study."""
        first = {name: make(self.rates[name]) for name, make in FIRST_ORDER.items()}
        return {**learned, **{name: make() for name, make in SEARCHING.items()}, **first}


def problems(
    sizes: int, seed: int, evaluations: int, rates_tried: Sequence[float]
) -> list[Problem]:
    """The 30 problems of Appendix C.2.2 and the 30 of functions not trained on, or fewer sizes."""
    rates = learning_rates()
    known = [
        Problem(f.name, n, True, f, {name: rates[name][f.family] for name in FIRST_ORDER})
        for f in FUNCTIONS
        for n in (50, 100, 250, 500, 1000)[:sizes]
    ]
    unknown = []
    for function in FUNCTIONS_NOT_TRAINED_ON:
        name = type(function).__name__
        rates_here: dict[str, float] = {}
        plain = Problem(name, SIZES[0], False, function, rates_here)
        x0 = plain.starts(TUNING_STARTS, seed + _TUNING)
        for solver, make in FIRST_ORDER.items():
            rates_here[solver] = min(
                rates_tried, key=lambda rate: _end(make(rate), function, x0, evaluations)
            )
        unknown += [Problem(name, n, False, function, rates_here) for n in SIZES[:sizes]]
    return known + unknown


def conjugate_gradients(batch: MixtureBatch, marks: tuple[int, ...]) -> list[Tensor]:
    """(B,) relative suboptimality after so many products with H: no method of gradients is below.

    With exact line searches (Hestenes and Stiefel, 1952).
    """
    objective = batch.objective
    assert isinstance(objective, Quadratic)
    x = batch.x0
    least, start = objective.minimum(), objective.value(x)
    gradient = objective.evaluate(x).gradient
    direction, found = -gradient, {}
    for k in range(1, max(marks) + 1):
        product = objective.hessian_vector_product(x, direction)
        square = gradient.square().sum(dim=1, keepdim=True)
        curvature = (direction * product).sum(dim=1, keepdim=True).clamp_min(1e-300)
        x = x + square / curvature * direction
        gradient = gradient + square / curvature * product
        ahead = gradient.square().sum(dim=1, keepdim=True)
        direction = -gradient + ahead / square.clamp_min(1e-300) * direction
        found[k] = (objective.value(x) - least) / (start - least)
    return [found[mark] for mark in marks]


def _end(optimizer: BatchedOptimizer, objective: Any, x0: Tensor, evaluations: int) -> float:
    run = solve(optimizer, objective, x0, evaluations)
    return float(value_after(run.values, run.evaluations, evaluations).log().median())
