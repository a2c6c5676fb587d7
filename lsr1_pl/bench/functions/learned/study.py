"""Learned optimisers of several papers, trained alike and tested on what they know and do not."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from lsr1_pl.bench.functions.learned.methods import (
    METHODS,
    SIZE,
    STEPS,
    UNTRAINED,
    families,
    measured,
    train,
)
from lsr1_pl.bench.many_runs import iterations_of, missing, store, stored
from lsr1_pl.bench.study import Study, colours_of, dashes_of, new_figure
from lsr1_pl.report import PageTable, Section
from lsr1_pl.report.line_figure import whole_steps

_ITERATIONS = 1000
_AFTER = (5, 10, 20)


def run(options: argparse.Namespace) -> None:
    """Train what is missing in ``options.out``, a file each; then report all that is there."""
    iterations = iterations_of(options, 20 if options.fast else _ITERATIONS)
    seeds, count = (1, 16) if options.fast else (3, 64)
    fast = f"{iterations} iterations instead of {_ITERATIONS}, one seed: hardly trained at all."
    study = Study("learned", "Learned optimisers", options.out, fast if options.fast else "")
    problems = families(count, options.seed)
    folder = options.out / f"runs-{iterations}"
    wanted = [(method, seed) for seed in range(seeds) for method in METHODS]
    names = [f"{method.name}-seed{seed}" for method, seed in wanted]
    settings = {"problems' seed": options.seed, "problems": count}
    for position, path in missing(folder, names, options.share, settings):
        method, seed = wanted[position]
        optimizer, seconds = train(method, seed, iterations)
        store(path, {"seconds": seconds, "found": measured(optimizer, problems)})
        print(f"{method.name}, seed {seed}: trained in {seconds:.0f} s", flush=True)
    there = stored(folder, names)
    known: dict[str, list[dict[str, Any]]] = {}
    for (method, _), name in zip(wanted, names, strict=True):
        if name in there:
            known.setdefault(method.name, []).append(there[name])
    for name, make in UNTRAINED.items():
        known[name] = [{"seconds": 0.0, "found": measured(make(), problems)}]
    _report(study, known, [family.name for family in problems], iterations, count)


def _report(
    study: Study,
    known: Mapping[str, list[dict[str, Any]]],
    kinds: list[str],
    iterations: int,
    count: int,
) -> None:
    study.write_rows(
        ("solver", "seed", "family", "step", "median_relative_suboptimality", "evaluations"),
        _rows(known),
    )
    study.page.introduction = [
        f"Each learned optimiser trained for {iterations} iterations of 64 random quadratics of "
        f"N = {SIZE}, 12 steps each, on the mean relative suboptimality (f - f*) / (f_0 - f*). "
        f"Then it took {STEPS} steps on {count} new problems of each kind. Only the first kind is "
        "what it was trained on.",
        "Figures are medians over problems, then over training seeds, with the least and the "
        "largest of the seeds in brackets. What diverged counts as infinite. Times "
        "are of a step of all these problems at once, in milliseconds, beside other work.",
    ]
    summary: dict[str, Any] = {}
    colours, dashes = colours_of(known), dashes_of(known)
    for number, kind in enumerate(kinds):
        rows = [_cells(name, runs, kind) for name, runs in known.items()]
        columns = ["solver", *(f"after {k}" for k in _AFTER), "seeds, after 20"]
        columns += ["evaluations", "ms a step", "seeds", "training, s"]
        figure = new_figure(5.6, 6.0)
        axes = figure.add_subplot()
        for name, runs in known.items():
            curves = [run["found"][kind]["median"] for run in runs]
            curve = [median(at) for at in zip(*curves, strict=True)]
            axes.plot(curve, color=colours[name], linestyle=dashes[name], label=name)
        axes.set_yscale("log")
        axes.set_ylim(1e-7, 30)
        axes.set_xlabel("step")
        axes.set_ylabel("median relative suboptimality")
        whole_steps(axes)
        axes.grid(alpha=0.3)
        figure.legend(loc="outside lower center", ncols=2, fontsize="small")
        picture = (study.save_figure(figure, f"kind_{number + 1}"), f"By step: {kind}.")
        study.add(Section(kind, (), [picture], PageTable("Relative suboptimality", columns, rows)))
        summary[kind] = {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows}
    study.note(
        "Rates, guards and penalties are near those of the configs quadratics*.yaml; no method was "
        "tuned for this study. Guarded: L-SR1 invariant and the learned BFGS."
    )
    study.finish(summary)


def _cells(name: str, runs: list[dict[str, Any]], kind: str) -> list[Any]:
    found = [run["found"][kind] for run in runs]
    last = [each["median"][-1] for each in found]
    return [
        name,
        *(median(each["median"][k] for each in found) for k in _AFTER),
        f"[{min(last):.2g}, {max(last):.2g}]",
        median(each["evaluations"][-1] for each in found),
        median(each["milliseconds"] for each in found),
        len(runs),
        median(run["seconds"] for run in runs),
    ]


def _rows(known: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[object, ...]]:
    for name, runs in known.items():
        for seed, run in enumerate(runs):
            for kind, found in run["found"].items():
                for step, value in enumerate(found["median"]):
                    yield name, seed, kind, step, value, found["evaluations"][step]
