"""``minimize`` beside SciPy's, torch's and pytorch-minimize's minimisers on classical functions."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lsr1_pl.bench.functions.classical_problems import ClassicalProblem, classical_problems
from lsr1_pl.bench.study import Study
from lsr1_pl.optim import LBFGS
from lsr1_pl.pretrained import minimize
from lsr1_pl.report import PageTable, Section

_TOLERANCE = 1e-8
_MOST = 2000
_CLOSE = 1.5

Solver = Callable[[Callable[[Tensor], Tensor], Tensor, bool], bool]
"""Minimises a function from a start (N,), to its own defaults or, if asked, as far as it gets.

Returns whether it says that it has succeeded."""


class _Solved(Exception):  # noqa: N818 - no error: what was asked is known
    """A run whose stopping test is off has come within the tolerance."""


@dataclass
class Run:
    """What one solver did on one problem."""

    problem: ClassicalProblem
    exact: bool
    """Whether it goes on, without a stopping test, until the problem is solved."""
    evaluations: int = 0
    solved_at: float = math.inf
    """Evaluations until the value was within 1e-8 (1 + |minimum|) of a minimum."""
    claimed: bool = False
    seconds: float = 0.0
    lowest: float = field(default=math.inf)

    def function(self, x: Tensor) -> Tensor:
        """The problem's, each call of it counted."""
        value = self.problem.function(x)
        self.evaluations += 1
        self.lowest = min(self.lowest, float(value.detach()))
        if self.problem.solved(self.lowest, _TOLERANCE):
            self.solved_at = min(self.solved_at, self.evaluations)
            if self.exact:
                raise _Solved
        return value


def run(options: argparse.Namespace) -> None:
    """Measure every solver twice: by its defaults, and with its stopping test switched off."""
    problems = classical_problems()[:6] if options.fast else classical_problems()
    study = Study(
        "minimizers",
        "minimize beside other minimisers",
        options.out,
        f"{len(problems)} of {len(classical_problems())} problems." if options.fast else "",
    )
    torch.set_num_threads(1)
    measured = {
        (name, exact): [_measured(solver, problem, exact) for problem in problems]
        for name, solver in solvers().items()
        for exact in (False, True)
    }
    study.write_rows(
        ("solver", "test", "problem", "evaluations", "solved_at", "lowest", "success", "seconds"),
        _rows(measured),
    )
    table = PageTable(
        f"{len(problems)} problems in float64. Solved: within 1e-8 (1 + |f*|) of a minimum",
        [
            "solver",
            "solved by defaults",
            "says success, unsolved",
            "evaluations by defaults",
            "solved, test off",
            f"within {_CLOSE} of the best",
            "ms an evaluation",
        ],
        _table(measured),
    )
    study.add(Section("Solvers", table=table))
    study.page.introduction = [
        "An evaluation is a value with its gradient; a Hessian-vector product counts as one. "
        "Evaluations are the sum over all problems until the solver ended by itself. With the "
        "stopping test off, a problem is solved with so many evaluations as it took to come within "
        f"the tolerance; the column counts the problems with at most {_CLOSE} times the fewest of "
        "all solvers.",
    ]
    study.finish(
        {str(row[0]): dict(zip(table.columns[1:], row[1:], strict=True)) for row in table.rows}
    )


def solvers() -> Mapping[str, Solver]:
    """By name; pytorch-minimize's only where it is installed."""
    found: dict[str, Solver] = {
        "L-SR1 general": _ours("lsr1_general"),
        "L-BFGS, strong Wolfe": _ours(LBFGS(10, "strong_wolfe")),
        "SciPy L-BFGS-B": _scipy("L-BFGS-B", {"ftol": 0.0, "gtol": 1e-14}),
        "SciPy BFGS": _scipy("BFGS", {"gtol": 1e-14}),
        "torch L-BFGS": _torch,
    }
    if find_spec("torchmin") is not None:
        found["pytorch-minimize L-BFGS"] = _torchmin
    return found


def _ours(optimizer: Any) -> Solver:
    def solve(function: Callable[[Tensor], Tensor], x0: Tensor, exact: bool) -> bool:
        return bool(minimize(function, x0, optimizer, _MOST, 0.0 if exact else None).success)

    return solve


def _scipy(method: str, exactly: Mapping[str, float]) -> Solver:
    from scipy import optimize

    def solve(function: Callable[[Tensor], Tensor], x0: Tensor, exact: bool) -> bool:
        def both(point: np.ndarray) -> tuple[float, np.ndarray]:
            x = torch.tensor(point, requires_grad=True)
            value = function(x)
            (gradient,) = torch.autograd.grad(value, x)
            return float(value.detach()), gradient.numpy()

        options = {"maxiter": _MOST, **exactly} if exact else {}
        if exact and method == "L-BFGS-B":
            options["maxfun"] = 10 * _MOST
        # Starts from which a trial overflows are part of the set.
        with np.errstate(all="ignore"):
            found = optimize.minimize(both, x0.numpy(), jac=True, method=method, options=options)
        return bool(found.success)

    return solve


def _torch(function: Callable[[Tensor], Tensor], x0: Tensor, exact: bool) -> bool:
    x = x0.clone().requires_grad_()
    limits: dict[str, Any] = {"max_iter": _MOST, "max_eval": 2 * _MOST}
    if exact:
        limits |= {"tolerance_grad": 0.0, "tolerance_change": 0.0}
    optimizer = torch.optim.LBFGS([x], history_size=10, line_search_fn="strong_wolfe", **limits)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = function(x)
        value.backward()
        return value

    optimizer.step(closure)
    # It does not say whether it has succeeded.
    return False


def _torchmin(function: Callable[[Tensor], Tensor], x0: Tensor, exact: bool) -> bool:
    import torchmin

    options = {"gtol": 0.0, "xtol": 0.0} if exact else {}
    found = torchmin.minimize(function, x0, method="l-bfgs", max_iter=_MOST, options=options)
    return bool(found.success)


def _measured(solver: Solver, problem: ClassicalProblem, exact: bool) -> Run:
    record = Run(problem, exact)
    begun = time.perf_counter()
    with suppress(_Solved):
        record.claimed = solver(record.function, problem.x0(), exact)
    record.seconds = time.perf_counter() - begun
    return record


def _rows(measured: Mapping[tuple[str, bool], Sequence[Run]]) -> list[tuple[object, ...]]:
    return [
        (
            name,
            "off" if exact else "defaults",
            run.problem.name,
            run.evaluations,
            run.solved_at,
            run.lowest,
            run.claimed,
            round(run.seconds, 4),
        )
        for (name, exact), runs in measured.items()
        for run in runs
    ]


def _table(measured: Mapping[tuple[str, bool], Sequence[Run]]) -> list[list[Any]]:
    names = list(dict.fromkeys(name for name, _ in measured))
    problems = range(len(measured[names[0], True]))
    best = [min(measured[name, True][i].solved_at for name in names) for i in problems]
    rows = []
    for name in names:
        own, exact = measured[name, False], measured[name, True]
        close = [
            run.solved_at <= _CLOSE * least < math.inf
            for run, least in zip(exact, best, strict=True)
        ]
        evaluations = sum(run.evaluations for run in own)
        solved = [run.solved_at < math.inf for run in own]
        rows.append(
            [
                name,
                sum(solved),
                sum(run.claimed and not fine for run, fine in zip(own, solved, strict=True)),
                evaluations,
                sum(run.solved_at < math.inf for run in exact),
                sum(close),
                1e3 * sum(run.seconds for run in own) / evaluations,
            ]
        )
    return rows
