"""Runs as lines of a figure: of several seeds, the mean and a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsr1_pl.cli.comparing.runs import ComparedRun
from lsr1_pl.ground.choices import unknown_choice
from lsr1_pl.ground.console import plain
from lsr1_pl.report.line_figure import Line


@dataclass(frozen=True)
class Found:
    """A line, and the curves of the seeds that it is the mean of, at its steps."""

    line: Line
    curves: Sequence[Sequence[float]]

    @property
    def seeds(self) -> int:
        """How many there are."""
        return len(self.curves)

    @property
    def least(self) -> list[float]:
        """The least value of each seed; NaN of one that has none but NaN."""
        return [min((v for v in c if v == v), default=float("nan")) for c in self.curves]

    @property
    def last(self) -> list[float]:
        """The last value of each seed."""
        return [curve[-1] for curve in self.curves]


def training_line(run: ComparedRun, metric: str) -> Found | None:
    """A metric over iterations; None if the run has not logged it.

    Of several seeds, the iterations count that all of them have logged.
    """
    logged = []
    for member in run.members:
        if member.curves is None:
            return None
        steps, values = member.curves.column(metric)
        member.curves.report("the figure shows the others")
        if not steps:
            return None
        # A row holds the number of the iteration, and those are counted from 0.
        logged.append(dict(zip((step + 1 for step in steps), values, strict=True)))
    common = sorted(set.intersection(*(set(each) for each in logged)))
    if not common:
        return None
    ends = sorted({max(each) for each in logged})
    if len(ends) > 1:
        note = f"Note: seeds of {run.name} end at iterations {ends[0]} to {ends[-1]}; "
        print(plain(f"{note}{metric} is compared until {common[-1]}"), flush=True)
    return _found(run.name, common, [[each[step] for step in common] for each in logged])


def inner_step_lines(runs: Sequence[ComparedRun], only: Sequence[str]) -> dict[str, list[Found]]:
    """Metric -> a line for each solver of each run's newest tests.

    A solver that went the same way in every run and seed, as baselines do, has one line.

    Args:
        runs: those that were not tested are left out.
        only: the solvers that count; all if empty.

    Raises:
        UserError: no test has such a solver.
    """
    tested = [run for run in runs if any(member.tested for member in run.members)]
    solvers = {s for r in tested for m in r.members for by in m.tested.values() for s in by}
    for name in only:
        if name not in solvers:
            raise unknown_choice("--solver", name, sorted(solvers))
    metrics = dict.fromkeys(m for r in tested for member in r.members for m in member.tested)
    found = {metric: _of_metric(tested, metric, only or sorted(solvers)) for metric in metrics}
    return {metric: lines for metric, lines in found.items() if lines}


def _of_metric(runs: Sequence[ComparedRun], metric: str, only: Sequence[str]) -> list[Found]:
    by_solver: dict[str, dict[str, Found]] = {}
    for run in runs:
        first = next(member.tested for member in run.members if member.tested)
        for solver in first.get(metric, {}):
            if solver in only:
                curves = [
                    member.tested[metric][solver]
                    for member in run.members
                    if solver in member.tested.get(metric, {})
                ]
                length = min(map(len, curves))
                label = solver if len(runs) == 1 else f"{run.name}: {solver}"
                cut = [curve[:length] for curve in curves]
                by_solver.setdefault(solver, {})[run.name] = _found(label, range(length), cut)
    lines = []
    for solver, by_run in by_solver.items():
        each = list(by_run.values())
        # In one run with one seed there is nothing that could differ.
        several = len(each) > 1 or each[0].seeds > 1
        same = several and all(_same(each[0], other) for other in each)
        lines += [_found(solver, each[0].line.steps, each[0].curves[:1])] if same else each
    return lines


def _same(one: Found, other: Found) -> bool:
    """Whether all curves of both are one curve."""
    curves = [*one.curves, *other.curves]
    return all(
        len(curve) == len(curves[0])
        and np.allclose(curve, curves[0], rtol=1e-5, atol=0.0, equal_nan=True)
        for curve in curves
    )


def _found(label: str, steps: Sequence[int], curves: Sequence[Sequence[float]]) -> Found:
    values = np.array(curves, dtype=float)
    with np.errstate(invalid="ignore"):
        mean = values.mean(axis=0)
        spread = values.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros_like(mean)
    low, high = (mean - spread).tolist(), (mean + spread).tolist()
    band = (low, high) if len(curves) > 1 else (None, None)
    kept = [list(map(float, curve)) for curve in curves]
    return Found(Line(label, list(steps), mean.tolist(), *band), kept)
