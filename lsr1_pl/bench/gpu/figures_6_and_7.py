"""Figures 6 and 7: a step of every solver over the number of variables."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial

from lsr1_pl.bench.cost.compute import SIZES
from lsr1_pl.bench.cost.inner_steps import BATCH, SOLVERS, Case, measure_once
from lsr1_pl.bench.gpu.parts import Measurement, Row, Setting


def measurements(setting: Setting) -> Iterator[Measurement]:
    """Each phase, the solvers side by side at each size."""
    sizes, repeats = ((10,), 1) if setting.fast else (SIZES, 5)
    for phase in BATCH:
        for size in sizes:
            for solver in SOLVERS:
                case = Case(solver, phase, size, setting.device)
                what = f"{phase}, N {size:,}, {solver}"
                yield Measurement(what, partial(_measure, case, repeats))


def _measure(case: Case, repeats: int) -> Row:
    costs = [measure_once(case) for _ in range(repeats)]
    seconds = [cost.seconds for cost in costs]
    return {
        "problems": BATCH[case.phase],
        "ms a step": 1e3 * statistics.median(seconds),
        "range": f"{1e3 * min(seconds):.3g} to {1e3 * max(seconds):.3g}",
        "peak MiB": statistics.median(cost.peak for cost in costs) / 2**20,
    }
