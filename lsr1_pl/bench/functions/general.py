"""Beyond the paper: one optimiser for every function, against L-BFGS and its own skeleton."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lsr1_pl.bench.functions.general_problems import (
    MEMORY,
    RATES,
    SEARCHING,
    TUNING_STARTS,
    Problem,
    conjugate_gradients,
    problems,
)
from lsr1_pl.bench.functions.performance_profile import Profile, profile
from lsr1_pl.bench.functions.solving import Run, solve
from lsr1_pl.bench.study import COLOURS, Study, dashes_of, new_figure
from lsr1_pl.data import draw_family, draw_starts
from lsr1_pl.data.steps import step_generator
from lsr1_pl.ground.errors import UserError
from lsr1_pl.metrics.evaluations import value_after
from lsr1_pl.objectives import Quadratic, Rosenbrock
from lsr1_pl.optim import LBFGS, BatchedOptimizer, PairLSR1
from lsr1_pl.pretrained import load_pretrained
from lsr1_pl.report import PageTable, Section, readable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEARNED, _SKELETON, _LIMIT = "L-SR1 general", "its skeleton", "conjugate gradients"
_MARKS = (5, 10, 20)
_FLOOR = 1e-12
_DECADES = 4.0
_COLUMNS = ("part", "problem", "size", "solver", "seed", "start", "evaluations", "relative")


@dataclass(frozen=True)
class _Row:
    """One solver on the starts of one problem, after so many evaluations."""

    part: str
    problem: str
    size: int
    solver: str
    evaluations: int
    relative: Tensor
    """(B,) (f - f*) / (f_0 - f*)."""


@dataclass(frozen=True)
class _Scale:
    quadratics: int
    sizes: int
    starts: int
    evaluations: int
    variables: tuple[int, ...]
    rates: tuple[float, ...]


_WHOLE = _Scale(64, 5, 8, 100, (10_000, 100_000, 1_000_000), RATES)
_FAST = _Scale(8, 1, 2, 30, (1_000, 10_000), (1e-3, 1e-1))


def run(options: argparse.Namespace) -> None:
    """Run the study into ``options.out``."""
    scale = _FAST if options.fast else _WHOLE
    study = Study(
        "general",
        "One optimiser for every function",
        options.out,
        f"{scale.quadratics} quadratics instead of {_WHOLE.quadratics}, the smallest N only, "
        f"{scale.starts} starts instead of {_WHOLE.starts}, {scale.evaluations} evaluations "
        f"instead of {_WHOLE.evaluations}, fewer variables in the largest problems, two rates "
        f"tried instead of {len(RATES)}."
        if options.fast
        else "",
    )
    learned = _learned(options.general)
    rows = list(_quadratics(learned, scale.quadratics, options.seed))
    for problem in problems(scale.sizes, options.seed, scale.evaluations, scale.rates):
        rows += _measured(problem, learned, scale, options.seed)
        print(f"{problem.name}, N={problem.size}: done", flush=True)
    large = _large(learned, scale.variables)
    study.write_rows(_COLUMNS, _csv(rows, options.seed))
    _report(study, rows, large, options, len(scale.rates))


def _learned(names: list[str]) -> dict[str, BatchedOptimizer]:
    """The trained optimisers, one a seed, and their skeleton."""
    loaded: dict[str, BatchedOptimizer] = {}
    for number, name in enumerate(names):
        optimizer = load_pretrained(name)
        if not isinstance(optimizer, PairLSR1):
            raise UserError(f"--general {name}: holds no PairLSR1; train lsr1_general.yaml")
        label = _LEARNED if number == 0 else f"{_LEARNED}, {number + 1}"
        loaded[label] = optimizer.double().with_buffer_size(MEMORY)
    return {**loaded, _SKELETON: PairLSR1(MEMORY).double().eval()}


def _quadratics(learned: Mapping[str, BatchedOptimizer], count: int, seed: int) -> Iterator[_Row]:
    """Appendix C.2.1's family, A square and tall."""
    solvers = {
        **learned,
        "L-BFGS": LBFGS(MEMORY),
        **{name: make() for name, make in SEARCHING.items()},
    }
    for family in ("quadratic", "tall quadratic"):
        for size in (2, 10, 50, 100):
            generator = step_generator(seed, size, *family.encode())
            batch = draw_family(family, count, size, generator)
            objective = batch.objective
            assert isinstance(objective, Quadratic)
            least = objective.minimum()
            for name, solver in solvers.items():
                outcome = solve(solver, objective, batch.x0, _MARKS[-1])
                for mark in _MARKS:
                    values = value_after(outcome.values, outcome.evaluations, mark)
                    relative = (values - least) / (outcome.values[0] - least)
                    yield _Row(family, "quadratic", size, name, mark, relative)
            for mark, relative in zip(_MARKS, conjugate_gradients(batch, _MARKS), strict=True):
                yield _Row(family, "quadratic", size, _LIMIT, mark, relative)


def _measured(
    problem: Problem, learned: Mapping[str, BatchedOptimizer], scale: _Scale, seed: int
) -> Iterator[_Row]:
    x0 = problem.starts(scale.starts, seed)
    part = "trained on" if problem.trained_on else "not trained on"
    for name, solver in problem.solvers(learned).items():
        outcome: Run = solve(solver, problem.objective, x0, scale.evaluations)
        # Every least value is 0.
        values = value_after(outcome.values, outcome.evaluations, scale.evaluations)
        relative = values / outcome.values[0]
        yield _Row(part, problem.name, problem.size, name, scale.evaluations, relative)


def _large(learned: Mapping[str, BatchedOptimizer], sizes: tuple[int, ...]) -> list[list[object]]:
    """Rosenbrock of many variables, ten steps: it falls, in a time that grows with N."""
    solver, table = learned[_LEARNED], []
    for size in sizes:
        generator = step_generator(0, size)
        x0 = draw_starts(1, size, generator, "uniform", 2.048).double()
        begun = time.perf_counter()
        outcome = solve(solver, Rosenbrock(), x0, 10)
        seconds = time.perf_counter() - begun
        fall = float(outcome.values[-1] / outcome.values[0])
        table.append([f"{size:,}", fall, 1000 * seconds / 10, 1e6 * seconds / 10 / size])
    return table


def _csv(rows: list[_Row], seed: int) -> Iterator[tuple[object, ...]]:
    for row in rows:
        for start, relative in enumerate(row.relative.tolist()):
            key = (row.part, row.problem, row.size, row.solver)
            yield (*key, seed, start, row.evaluations, relative)


def _report(
    study: Study,
    rows: list[_Row],
    large: list[list[object]],
    options: argparse.Namespace,
    rates: int,
) -> None:
    study.page.introduction = [
        "L-SR1 on raw secant pairs (PairLSR1), one set of weights for every problem here, against "
        "its own untrained skeleton and classical solvers of the same memory "
        f"(L = {MEMORY}). Everything is counted in evaluations: gradients, and Hessian-vector "
        "products as one each. Problems come from seeds that no training and no choice has seen.",
    ]
    summary: dict[str, object] = {"training seeds": len(options.general)}
    for family in ("quadratic", "tall quadratic"):
        table = _quadratic_table([row for row in rows if row.part == family], family)
        study.add(Section(f"Random quadratics, {family}", table=table))
        summary[family] = {str(row[0]): row[1:] for row in table.rows}
    for part in ("trained on", "not trained on"):
        table, figure = _profile_of([row for row in rows if row.part == part], part)
        name = "profile_" + part.replace(" ", "_")
        picture = (study.save_figure(figure, name), f"Functions {part}, all N.")
        study.add(Section(f"Functions {part}", pictures=[picture], table=table))
        summary[part] = {str(row[0]): row[1] for row in table.rows}
    study.add(
        Section(
            "Many variables",
            table=PageTable(
                "Rosenbrock, one problem, ten steps, float64",
                ["N", "f / f of the start", "ms a step", "microseconds a step and variable"],
                large,
            ),
        )
    )
    summary["many variables"] = large
    study.note(
        f"Trained: {', '.join(options.general)}. First-order solvers have the rates of lsr1 bench "
        f"tune on the families trained on, and, on the others, the best of {rates} on "
        f"{TUNING_STARTS} other starts at the smallest N. Problems: seed {options.seed}."
    )
    study.finish(summary)


def _quadratic_table(rows: list[_Row], family: str) -> PageTable:
    sizes = sorted({row.size for row in rows})
    solvers = list(dict.fromkeys(row.solver for row in rows))
    table: list[list[object]] = []
    for solver in solvers:
        cells: list[object] = [solver]
        for size in sizes:
            medians = [
                float(row.relative.nan_to_num(torch.inf).clamp_min(0).median())
                for row in rows
                if (row.solver, row.size) == (solver, size)
            ]
            cells.append(" / ".join(readable(median) for median in medians))
        table.append(cells)
    count = len(rows[0].relative)
    return PageTable(
        f"{family}: median of (f - f*) / (f_0 - f*) over {count} problems after "
        f"{', '.join(map(str, _MARKS))} evaluations",
        ["solver", *(f"N = {size}" for size in sizes)],
        table,
    )


def _profile_of(rows: list[_Row], part: str) -> tuple[PageTable, Figure]:
    """The profile by value after equal evaluations, and the areas under it."""
    solvers = list(dict.fromkeys(row.solver for row in rows))
    ends = {
        (row.solver, row.problem, row.size): float(_bounded(row.relative).log().median())
        for row in rows
    }
    measures = {
        solver: np.exp([end for (name, *_), end in ends.items() if name == solver])
        for solver in solvers
    }
    shown: Profile = profile(measures)
    areas = {solver: shown.area(solver, _DECADES) for solver in solvers}
    functions = list(dict.fromkeys(row.problem for row in rows))
    table: list[list[object]] = []
    for solver in sorted(solvers, key=lambda s: -areas[s]):
        cells: list[object] = [solver, areas[solver]]
        for function in functions:
            here = [end for key, end in ends.items() if key[:2] == (solver, function)]
            cells.append(math.exp(sum(here) / len(here)))
        table.append(cells)
    evaluations = rows[0].evaluations
    figure = new_figure(5.6, 5.2)
    axes = figure.add_subplot()
    tau = np.logspace(0, _DECADES, 400)
    dashes = dashes_of(solvers)
    for solver in solvers:
        axes.step(
            tau,
            shown.rho(solver, tau),
            where="post",
            color=COLOURS.get(solver, COLOURS[_LEARNED]),
            ls=dashes[solver],
            lw=2.2 if solver.startswith("L-SR1") else 1.3,
            label=f"{solver} ({areas[solver]:.2f})",
        )
    axes.set_xscale("log")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("τ, factor to the best solver")
    axes.set_ylabel("share of problems, ρ(τ)")
    axes.set_title(f"f after {evaluations} evaluations, functions {part}", fontsize="medium")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize="small", handlelength=3)
    caption = (
        f"Area under the profile over four decades (Eq. 11, of f after {evaluations} evaluations),"
        " then the geometric mean over N of the median f / f of the start"
    )
    return PageTable(caption, ["solver", "area", *functions], table), figure


def _bounded(relative: Tensor) -> Tensor:
    """At least 1e-12, below which all are equal; infinite where it is not a number."""
    return relative.nan_to_num(nan=torch.inf).clamp_min(_FLOOR)
