"""Figures 6 and 7: time per inner step and peak memory over the number of variables."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from typing import Any

import torch

from lsr1_pl.bench.cost.inner_steps import BATCH, SOLVERS, Case, Cost, measure_once
from lsr1_pl.bench.cost.measuring import check_device, in_rounds
from lsr1_pl.bench.study import Study, colours_of, dashes_of, new_figure
from lsr1_pl.report import PageTable, Section

SIZES = (10, 100, 1000, 10_000)
"""The numbers of variables of the figures."""
_REPEATS, _FAST_REPEATS = 7, 3


def run(options: argparse.Namespace) -> None:
    """Run the study into ``options.out``: each measurement in a process of its own."""
    check_device(options.device)
    sizes, repeats = (SIZES[:3], _FAST_REPEATS) if options.fast else (SIZES, _REPEATS)
    study = Study(
        "compute",
        "Time and memory of one inner step",
        options.out,
        f"N up to {sizes[-1]:,} instead of {SIZES[-1]:,}, {repeats} repeats instead of {_REPEATS}."
        if options.fast
        else "",
    )
    cases = [
        Case(solver, phase, size, options.device)
        for phase in BATCH
        for size in sizes
        for solver in SOLVERS
    ]
    costs = in_rounds(measure_once, cases, repeats)
    columns = ("solver", "phase", "size", "seed", "repeat", "seconds_per_step", "peak_bytes")
    study.write_rows(
        columns,
        [
            (case.solver, case.phase, case.size, 0, i, cost.seconds, cost.peak)
            for case, measured in costs.items()
            for i, cost in enumerate(measured)
        ],
    )
    _report(study, costs, sizes, repeats, options.device)


def _report(
    study: Study,
    costs: dict[Case, list[Cost]],
    sizes: Sequence[int],
    repeats: int,
    device: str,
) -> None:
    machine = "one thread of the CPU" if device == "cpu" else torch.cuda.get_device_name()
    study.page.introduction = [
        "Appendix A of the paper, which measured on an RTX 3090: here on "
        f"{machine}. A step of "
        "each solver on a diagonal quadratic, whose own cost is small; L-SR1 at width 128, the "
        "authors' code at width 256, buffers and histories of 8 vectors. Inference: 32 problems. "
        "Meta-training: 4 problems, 8 steps forward and backward, divided by 8; the classical "
        "solvers are differentiated to their start points.",
        f"Medians of {repeats} measurements, each in a new process; a round measures every case. "
        "Memory is what the process needed at its peak beyond what it held before.",
    ]
    summary: dict[str, Any] = {}
    colours, dashes = colours_of(SOLVERS), dashes_of(SOLVERS)
    for number, phase in (("6", "inference"), ("7", "meta-training")):
        figure = new_figure(5.6, 7.4)
        for column, (label, scale) in enumerate((("ms per inner step", 1e3), ("peak MiB", 2**-20))):
            axes = figure.add_subplot(2, 1, column + 1)
            for solver in SOLVERS:
                medians = [_medians(costs, solver, phase, size, device)[column] for size in sizes]
                # On a logarithmic axis, what is too small to be measured stands at the bottom.
                shown = [max(m * scale, 1e-3 if column == 0 else 0.1) for m in medians]
                axes.plot(
                    sizes,
                    shown,
                    marker="o",
                    color=colours[solver],
                    ls=dashes[solver],
                    label=solver,
                )
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlabel("N, variables")
            axes.set_ylabel(label)
            axes.grid(alpha=0.3)
        axes.legend()
        picture = study.save_figure(figure, f"figure_{number}_{phase}")
        rows: list[list[object]] = []
        for size in sizes:
            adam = _medians(costs, "Adam", phase, size, device)[0]
            for solver in SOLVERS:
                seconds, peak = _medians(costs, solver, phase, size, device)
                low, high = _range(costs[Case(solver, phase, size, device)])
                spread = f"{low * 1e3:.3g} to {high * 1e3:.3g}"
                rows.append([size, solver, seconds * 1e3, spread, seconds / adam, peak / 2**20])
                summary[f"{phase}, N={size}, {solver}"] = {
                    "seconds_per_step": seconds,
                    "over_adam": seconds / adam,
                    "peak_bytes": peak,
                }
        columns = ["N", "solver", "ms per step", "range", "times Adam's", "peak MiB"]
        caption = f"{phase.capitalize()}, batch {BATCH[phase]}: medians of {repeats}"
        pictures = [(picture, f"Figure {number}: time and peak memory over N.")]
        study.add(
            Section(phase.capitalize(), pictures=pictures, table=PageTable(caption, columns, rows))
        )
    study.finish(summary)


def _medians(
    costs: dict[Case, list[Cost]], solver: str, phase: str, size: int, device: str
) -> tuple[float, float]:
    measured = costs[Case(solver, phase, size, device)]
    seconds, peaks = zip(*measured, strict=True)
    return statistics.median(seconds), statistics.median(peaks)


def _range(measured: list[Cost]) -> tuple[float, float]:
    seconds = [cost.seconds for cost in measured]
    return min(seconds), max(seconds)
