"""Figure 3c: performance profiles over 30 problems (Section 5.1.2, Appendix C.2.2)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lsr1_pl.bench.functions.more_solvers import added_solvers, trained_solver
from lsr1_pl.bench.functions.performance_profile import Array, Profile, profile
from lsr1_pl.bench.functions.problems import (
    FAMILIES,
    FUNCTIONS,
    HISTORY,
    SEARCHING,
    SIZES,
    TUNED,
    Family,
    Function,
    distances,
    learning_rates,
)
from lsr1_pl.bench.functions.solving import Run, solve, trained
from lsr1_pl.bench.study import Study, colours_of, dashes_of, new_figure
from lsr1_pl.optim import BatchedOptimizer
from lsr1_pl.report import PageTable, Section, readable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STEPS, _STARTS = 100, 8
_SOLVED = 1e-3
"""The share of the start's suboptimality until which evaluations and seconds count."""
_PAPER = ("L-SR1", "L-SR1 unprojected", "L-BFGS", "Adam", "AdaHessian")
"""The solvers of the paper's figure."""
_BASELINES = _PAPER[2:]
_COLUMNS = (
    *("solver", "problem", "size", "seed", "start"),
    *("step", "value", "distance", "evaluations", "seconds"),
)


class _Measure(NamedTuple):
    name: str
    text: str
    decades: float
    """The decades of tau that the plot shows and the area spans."""


_MEASURES = (
    _Measure("distance", "distance to the minimiser after the last step (Eq. 11)", 4.0),
    _Measure("value", "suboptimality after the last step", 4.0),
    _Measure("evaluations", "gradients until f - f* is below 0.1 % of the start's", 2.0),
    _Measure("seconds", "seconds until f - f* is below 0.1 % of the start's", 2.0),
)


@dataclass(frozen=True)
class _Result:
    """One solver on one problem, over its start points."""

    solver: str
    function: Function
    size: int
    run: Run
    distance: Tensor
    """(K + 1, B)."""

    def measure(self, name: str) -> float:
        """The median over starts; infinite where more than half of them are unsolved."""
        values, far = self.run.values.double(), self.distance.double()
        if name == "distance":
            # Below single precision's reach all are equal. Unsolved: not finite.
            per_start = (far[-1] / far[0]).clamp_min(1e-6)
        elif name == "value":
            per_start = (values[-1] / values[0]).clamp_min(1e-12)
        else:
            per_start = self._until_solved(name)
        finite = per_start.isfinite()
        return float(torch.where(finite, per_start, torch.inf).median())

    def _until_solved(self, name: str) -> Tensor:
        # Every minimum is 0.
        solved = self.run.values <= _SOLVED * self.run.values[0]
        first = solved.int().argmax(dim=0)
        cost = (
            self.run.evaluations.gather(0, first.unsqueeze(0))[0].double()
            if name == "evaluations"
            else self.run.seconds[first].double()
        )
        return torch.where(solved.any(dim=0), cost, torch.inf)


def run(options: argparse.Namespace) -> None:
    """Run the study into ``options.out``."""
    sizes = SIZES[:2] if options.fast else SIZES
    steps, starts = (50, 4) if options.fast else (_STEPS, _STARTS)
    study = Study(
        "profiles",
        f"Performance profiles over {len(FUNCTIONS) * len(sizes)} problems",
        options.out,
        f"N = 50 and 100 only, {steps} steps instead of {_STEPS}, {starts} starts instead of "
        f"{_STARTS}."
        if options.fast
        else "",
    )
    # All first: a checkpoint that is missing should be named at once.
    by_family = {family: _solvers(options, family) for family in FAMILIES}
    results = []
    for function in FUNCTIONS:
        solvers = by_family[function.family]
        for size in sizes:
            x0 = function.starts(starts, size, options.seed)
            for name, optimizer in solvers.items():
                outcome = solve(optimizer, function.objective, x0, steps)
                far = distances(outcome.iterates, function)
                results.append(_Result(name, function, size, outcome, far))
        print(f"{function.name}: done", flush=True)
    study.write_rows(_COLUMNS, _rows(results, options.seed))
    _report(study, results, steps, starts, options)


def _solvers(options: argparse.Namespace, family: Family) -> dict[str, BatchedOptimizer]:
    rates = learning_rates()
    place = FAMILIES.index(family)
    added = added_solvers(options.solver, len(FAMILIES))
    return {
        **{
            name: trained_solver(files[place], HISTORY, options.trust_checkpoint)
            for name, files in added.items()
        },
        "L-SR1": trained(getattr(options, family), HISTORY),
        "L-SR1 unprojected": trained(getattr(options, f"{family}_unprojected"), HISTORY),
        **{name: make(rates[name][family]) for name, make in TUNED.items()},
        **{name: make() for name, make in SEARCHING.items()},
    }


def _rows(results: list[_Result], seed: int) -> Iterator[tuple[object, ...]]:
    for result in results:
        values, far = result.run.values.tolist(), result.distance.tolist()
        counts, seconds = result.run.evaluations.tolist(), result.run.seconds.tolist()
        for start in range(len(values[0])):
            for k in range(len(values)):
                yield (
                    result.solver,
                    result.function.name,
                    result.size,
                    seed,
                    start,
                    k,
                    values[k][start],
                    far[k][start],
                    counts[k][start],
                    round(seconds[k], 6),
                )


def _report(
    study: Study, results: list[_Result], steps: int, starts: int, options: argparse.Namespace
) -> None:
    solvers = list(dict.fromkeys(r.solver for r in results))
    study.page.introduction = [
        "Section 5.1.2 of the paper. Six functions (quadratics of condition number 1 to 10,000, "
        f"Rosenbrock, Rastrigin), each at several N; {starts} starts a problem, {steps} steps. A "
        "problem's measure is the median over its starts; a start that is not finite counts as "
        "infinite, and so does one that never reaches the target. L-SR1 was trained at N = 100 on "
        "each family, and buffers hold 64 vectors (Table 7). Untrained solvers have the learning "
        "rate that a search found best for the family (lsr1 bench tune), or a line search.",
        "The area is the mean of the profile over log10 of τ, up to the right end of the plot: 1 "
        "for a solver that is the best everywhere, 0 for one that is nowhere near.",
    ]
    profiles = {m.name: profile(_measures(results, solvers, m.name)) for m in _MEASURES}
    paper = profile(_measures(results, list(_PAPER), "distance"))
    pictures = [
        (
            study.save_figure(_figure(paper, _PAPER, _MEASURES[0]), "profile_paper"),
            "The five solvers of the paper's Figure 3c, by distance. What a solver's curve shows "
            "at τ is the share of problems on which it is within a factor τ of the best of them.",
        )
    ]
    added = list(added_solvers(options.solver, len(FAMILIES)))
    among = [*added, *_BASELINES]
    with_added = profile(_measures(results, among, "distance")) if added else None
    if with_added is not None:
        path = study.save_figure(_figure(with_added, among, _MEASURES[0]), "profile_added")
        pictures.append((path, "The solvers of --solver beside the paper's three baselines."))
    for measure in _MEASURES:
        figure = _figure(profiles[measure.name], solvers, measure)
        name = f"profile_{measure.name}"
        pictures.append((study.save_figure(figure, name), f"All solvers, by {measure.text}."))
    study.add(Section("Profiles", pictures=pictures))
    areas = {
        solver: {m.name: profiles[m.name].area(solver, m.decades) for m in _MEASURES}
        for solver in solvers
    }
    ranked = sorted(solvers, key=lambda s: -areas[s]["distance"])
    study.add(
        Section(
            "Area under each profile",
            table=PageTable(
                "All solvers; ordered by distance, the paper's measure",
                [
                    *("solver", *(m.name for m in _MEASURES), "the paper's five, distance"),
                    *(["added and the paper's three, distance"] if added else []),
                ],
                [
                    [
                        solver,
                        *(areas[solver][m.name] for m in _MEASURES),
                        paper.area(solver, 4.0) if solver in _PAPER else None,
                        *(
                            []
                            if with_added is None
                            else [with_added.area(solver, 4.0) if solver in among else None]
                        ),
                    ]
                    for solver in ranked
                ],
            ),
        )
    )
    study.add(_by_function(results, solvers, steps))
    names = [
        Path(str(getattr(options, f"{f}{s}"))).name for f in FAMILIES for s in ("", "_unprojected")
    ]
    study.note(
        f"Trained optimisers: {', '.join([*names, *options.solver])}. Start points: seed "
        f"{options.seed}. Seconds are those of the batch of {starts} starts on this machine, once.",
        "Distances below 1e-6 of the start's, and suboptimalities below 1e-12, count as equal: "
        "single precision tells them apart no more.",
    )
    summary = {"area": areas, "area of the paper's five": {s: paper.area(s, 4.0) for s in _PAPER}}
    if with_added is not None:
        summary["area of the added and the paper's three"] = {
            solver: with_added.area(solver, 4.0) for solver in among
        }
    study.finish(summary)


def _measures(results: list[_Result], solvers: list[str], name: str) -> Mapping[str, Array]:
    return {
        solver: np.array([r.measure(name) for r in results if r.solver == solver])
        for solver in solvers
    }


def _figure(shown: Profile, solvers: list[str] | tuple[str, ...], measure: _Measure) -> Figure:
    figure = new_figure(5.6, 5.2)
    axes = figure.add_subplot()
    tau = np.logspace(0, measure.decades, 400)
    colours = colours_of(solvers)
    dashes = dashes_of(solvers)
    for solver in solvers:
        axes.step(
            tau,
            shown.rho(solver, tau),
            where="post",
            color=colours[solver],
            ls=dashes[solver],
            lw=2.2 if solver.startswith("L-SR1") else 1.3,
            label=f"{solver} (area {shown.area(solver, measure.decades):.2f})",
        )
    axes.set_xscale("log")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("τ, factor to the best solver")
    axes.set_ylabel("share of problems, ρ(τ)")
    axes.set_title(measure.text, fontsize="medium")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize="small", handlelength=3)
    return figure


def _by_function(results: list[_Result], solvers: list[str], steps: int) -> Section:
    """Geometric means over N, so that a reader sees where a solver wins and loses."""
    rows: list[list[object]] = []
    for solver in solvers:
        row: list[object] = [solver]
        for function in FUNCTIONS:
            measures = np.array(
                [
                    r.measure("distance")
                    for r in results
                    if (r.solver, r.function) == (solver, function)
                ]
            )
            row.append(_geometric_mean(measures))
        rows.append(row)
    caption = (
        f"Relative distance to the minimiser after {steps} steps, geometric mean over the N at "
        "which at least half of the starts stayed finite; their number where it is not all"
    )
    columns = ["solver", *(f.name for f in FUNCTIONS)]
    return Section("By function", table=PageTable(caption, columns, rows))


def _geometric_mean(measures: Array) -> object:
    finite = measures[np.isfinite(measures)]
    if not len(finite):
        return "diverged"
    mean = float(np.exp(np.mean(np.log(finite))))
    every = len(finite) == len(measures)
    return mean if every else f"{readable(mean)} ({len(finite)} of {len(measures)})"
