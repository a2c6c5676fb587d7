"""Table 4, and what the choices that the paper leaves open do (Appendix B)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lsr1_pl.bench.functions.ablation_runs import EVERY, evaluate, train, validation_data
from lsr1_pl.bench.functions.ablation_variants import (
    OFFICIAL,
    OPEN,
    TABLE_4,
    VARIANTS,
    Variant,
)
from lsr1_pl.bench.many_runs import iterations_of, missing, store, stored
from lsr1_pl.bench.study import Study, new_figure
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import GradientDescent
from lsr1_pl.report import PageTable, Section

_ITERATIONS = 1000
_Known = Mapping[tuple[str, int], list[dict[str, Any]]]
"""(variant, seed) -> its validations."""


def run(options: argparse.Namespace) -> None:
    """Train what is missing in ``options.out``, a file each; then report all that is there."""
    iterations = iterations_of(options, 20 if options.fast else _ITERATIONS)
    seeds = 1 if options.fast else 3
    study = Study(
        "ablations",
        "Ablations on random quadratics",
        options.out,
        f"{iterations} iterations instead of {_ITERATIONS}, one seed: hardly trained at all."
        if options.fast
        else "",
    )
    folder = options.out / f"runs-{iterations}"
    # Seed by seed: a study that is cut short has every variant.
    rows = [v for v in VARIANTS if options.only in v.name]
    if not rows:
        raise UserError(
            f"--only {options.only}: no row has this in its name; rows are "
            f"{', '.join(v.name for v in VARIANTS)}"
        )
    wanted = [(v, seed) for seed in range(seeds) for v in rows if seed < v.seeds]
    names, settings = [_name(*run) for run in wanted], {"problems' seed": options.seed}
    for position, path in missing(folder, names, options.share, settings):
        variant, seed = wanted[position]
        validations = train(variant, seed, iterations, options.seed)
        store(path, validations)
        best = min((v["mean"] for v in validations if v["finite"]), default=float("nan"))
        print(f"{variant.name}, seed {seed}: {best:.3g}", flush=True)
    _report(study, folder, iterations, options)


def _name(variant: Variant, seed: int) -> str:
    return f"{variant.name}-seed{seed}"


def _report(study: Study, folder: Path, iterations: int, options: argparse.Namespace) -> None:
    every = {_name(v, seed): (v.name, seed) for v in VARIANTS for seed in range(v.seeds)}
    known = {every[name]: found for name, found in stored(folder, list(every)).items()}
    study.write_rows(
        ("variant", "seed", "iteration", "mean", "std", "median_relative", "finite", "skipped"),
        _rows(known),
    )
    (batch,) = validation_data(0, options.seed).val_dataloader()
    untrained = evaluate(GradientDescent(0.4), batch)
    minimum = batch.objective.minimum()
    study.page.introduction = [
        "Appendix B of the paper: the value after 16 steps on the 32 fixed validation problems of "
        f"N = 2, trained for {iterations} iterations (the paper's table: 10,000), validated every "
        f"{min(EVERY, iterations)}. Each row differs from the configuration of Section 5.1.1 in "
        "what it names, or from the authors' published example, with its own training data, "
        "where the row says so.",
        "Best and last: over the validations of a run, averaged over the seeds; a validation with "
        "a diverged problem cannot be the best, and is counted. The paper's problems are not "
        "published, so its values can be compared within its column only. Values are heavy-tailed: "
        f"the minimum is {float(minimum.mean()):.1f} ± {float(minimum.std()):.1f} here. Gradient "
        f"descent at 0.4, which the untrained optimiser is: {untrained['mean']:.2f} ± "
        f"{untrained['std']:.2f}, median rel. suboptimality {untrained['median_relative']:.2f}.",
    ]
    summary: dict[str, Any] = {"gradient descent 0.4": untrained}
    for group in (TABLE_4, OFFICIAL, OPEN):
        rows = []
        for variant in (v for v in VARIANTS if v.group == group):
            runs = [validations for (name, _), validations in known.items() if name == variant.name]
            if runs:
                row = _summarise(runs)
                summary[variant.name] = row
                rows.append(_cells(variant, row))
        if not rows:
            continue
        columns = ["variant", "best: mean ± std", "best by seed", "its median rel. subopt."]
        columns += ["last, finite seeds", "validations with a diverged problem", "skipped", "seeds"]
        caption = "Mean ± standard deviation over the 32 problems, averaged over seeds"
        if group != OPEN:
            columns.append("paper (10,000 it.)")
        else:
            rows = [row[:-1] for row in rows]
        pictures = [(_draw(study, known, group), "Median relative suboptimality by iteration.")]
        study.add(Section(group.capitalize(), (), pictures, PageTable(caption, columns, rows)))
    study.note(
        f"Seeds 0, 1, 2 of training and initialisation; validation problems of seed {options.seed}."
    )
    study.finish(summary)


def _rows(known: _Known) -> Iterator[tuple[Any, ...]]:
    for (name, seed), validations in known.items():
        for v in validations:
            yield (
                name,
                seed,
                v["iteration"],
                v["mean"],
                v["std"],
                v["median_relative"],
                v["finite"],
                v["skipped"],
            )


def _summarise(runs: list[list[dict[str, Any]]]) -> dict[str, Any]:
    best = [
        min((v for v in validations if v["finite"]), key=lambda v: v["mean"], default=None)
        for validations in runs
    ]
    found = [b for b in best if b is not None]
    last = [validations[-1]["mean"] for validations in runs if validations[-1]["finite"]]
    every = [v for validations in runs for v in validations]

    def mean(key: str) -> float:
        return float(np.mean([b[key] for b in found])) if found else float("nan")

    return {
        "best": mean("mean"),
        "best_std": mean("std"),
        "best_by_seed": [float("nan") if b is None else b["mean"] for b in best],
        "median_relative": mean("median_relative"),
        "last": float(np.mean(last)) if last else float("nan"),
        "not_finite": sum(not v["finite"] for v in every),
        "validations": len(every),
        "skipped": sum(validations[-1]["skipped"] for validations in runs),
        "seeds": len(runs),
    }


def _cells(variant: Variant, row: dict[str, Any]) -> list[object]:
    return [
        variant.name,
        f"{row['best']:.2f} ± {row['best_std']:.2f}".replace("nan ± nan", "diverged"),
        "; ".join(f"{value:.2f}" for value in row["best_by_seed"]).replace("nan", "diverged"),
        row["median_relative"],
        row["last"],
        f"{row['not_finite']} of {row['validations']}",
        row["skipped"],
        row["seeds"],
        variant.paper,
    ]


def _drawn(value: float) -> float:
    """A gap where half of the problems ended far above their start: it would flatten the rest."""
    return value if value < 2 else float("nan")


def _draw(study: Study, known: _Known, group: str) -> Path:
    figure = new_figure(10, 5)
    axes = figure.add_subplot()
    for position, variant in enumerate(v for v in VARIANTS if v.group == group):
        for (name, seed), validations in known.items():
            if name == variant.name:
                axes.plot(
                    [each["iteration"] for each in validations],
                    [_drawn(each["median_relative"]) for each in validations],
                    "-" if position < 10 else "--",
                    color=f"C{position % 10}",
                    marker=".",
                    lw=1,
                    label=variant.name if seed == 0 else None,
                )
    axes.set_yscale("log")
    axes.set_xlabel("iteration")
    axes.set_ylabel("median relative suboptimality after 16 steps")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center", fontsize="small")
    return study.save_figure(figure, group.replace(" ", "_").replace("'", "").lower())
