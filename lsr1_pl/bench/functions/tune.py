"""Learning rates of the untrained solvers: the committed search that profiles rely on."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator

import yaml

from lsr1_pl.bench.functions.problems import FAMILIES, FUNCTIONS, TUNED, Family, distances
from lsr1_pl.bench.functions.solving import solve
from lsr1_pl.bench.study import Study
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.files import written
from lsr1_pl.report import PageTable, Section, short

_RATES = (*(float(f"{base}e{power}") for power in range(-7, 1) for base in (1, 2, 5)), 10.0)
_SIZE, _STARTS, _STEPS = 100, 8, 100


def run(options: argparse.Namespace) -> None:
    """Search the grid and write ``learning_rates.yaml`` beside the page."""
    steps = 30 if options.fast else _STEPS
    study = Study(
        "tune",
        "Learning rates of the untrained solvers",
        options.out,
        f"{steps} steps instead of {_STEPS}." if options.fast else "",
    )
    scores = {
        (solver, family): {
            rate: _score(solver, family, rate, steps, options.seed) for rate in _RATES
        }
        for solver in TUNED
        for family in FAMILIES
    }
    best = {key: min(by_rate, key=lambda rate: by_rate[rate]) for key, by_rate in scores.items()}
    study.write_rows(("solver", "family", "learning_rate", "score"), _rows(scores))
    study.page.introduction = [
        "A rate is judged by the mean, over the family's functions, of the median over starts of "
        "the logarithm of the distance to the minimiser after the last step, relative to the "
        "start's; a start that diverged counts as 6. The start points are of another seed than "
        "those of the profiles.",
    ]
    rows = [[solver, *(best[solver, family] for family in FAMILIES)] for solver in TUNED]
    caption = f"Best of {len(_RATES)} rates, N = {_SIZE}, {_STARTS} starts, {steps} steps"
    study.add(Section("Chosen", table=PageTable(caption, ["solver", *FAMILIES], rows)))
    chosen = {solver: {f: best[solver, f] for f in FAMILIES} for solver in TUNED}
    path = study.out / "learning_rates.yaml"
    with written(path) as partial:
        partial.write_text(yaml.safe_dump(chosen, sort_keys=False), encoding="utf-8")
    study.finish(chosen)
    where = "lsr1_pl/bench/functions/assets"
    print(plain(f"{short(path)}: copy it to {where} to make it the profiles' own"))


def _score(solver: str, family: Family, rate: float, steps: int, seed: int) -> float:
    logarithms = []
    for function in (f for f in FUNCTIONS if f.family == family):
        x0 = function.starts(_STARTS, _SIZE, seed)
        outcome = solve(TUNED[solver](rate), function.objective, x0, steps)
        far = distances(outcome.iterates, function)
        relative = (far[-1] / far[0]).clamp_min(1e-6).log10()
        logarithms.append(float(relative.nan_to_num(nan=6.0, posinf=6.0).median()))
    return math.fsum(logarithms) / len(logarithms)


def _rows(scores: dict[tuple[str, Family], dict[float, float]]) -> Iterator[tuple[object, ...]]:
    for (solver, family), by_rate in scores.items():
        for rate, score in by_rate.items():
            yield solver, family, rate, score
