"""Human mesh recovery: L-SR1, LGD, SMPLify, Adam, L-BFGS side by side (Section 5.2)."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import torch

from lsr1_pl.bench.cost.hmr_iteration import FULL_MESH, JOINTS_ONLY, Case, measure
from lsr1_pl.bench.hmr.conditions import CONDITIONS, Drawn, motion_prior, people_under
from lsr1_pl.bench.hmr.given import Given, open_given
from lsr1_pl.bench.hmr.learned import Learned
from lsr1_pl.bench.hmr.methods import QUICK, UNTRAINED, Bench, Rates
from lsr1_pl.bench.hmr.people import run_fitter
from lsr1_pl.bench.hmr.pictures import draw_cases, draw_curves, draw_training
from lsr1_pl.bench.hmr.report import (
    conditions_section,
    cost_section,
    cost_summary,
    curves_section,
    fractions_section,
    introduction,
    main_section,
    published_section,
    rates_section,
)
from lsr1_pl.bench.hmr.tables import (
    CSV_COLUMNS,
    Results,
    Row,
    Share,
    at_share,
    compare,
    csv_rows,
)
from lsr1_pl.bench.study import Study
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import SMPLify
from lsr1_pl.hmr.evaluation import KnownPeople
from lsr1_pl.pretrained import find_checkpoint
from lsr1_pl.report import Section
from lsr1_pl.tasks import HMRTask

_STEPS = 30
"""Twice the paper's; solvers without training may still be falling there, and tables say so."""


@dataclass(frozen=True)
class _Size:
    people: Drawn
    conditions: Sequence[str]
    camera_steps: int
    stage_steps: int
    cost_people: int
    repeats: int


_WHOLE = _Size(Drawn(256, 512), tuple(CONDITIONS), 100, 50, 256, 7)
_FAST = _Size(Drawn(32, 64), ("clean", "noise 2 %"), 20, 10, 32, 3)


def run(options: argparse.Namespace) -> None:
    """Run the study into ``options.out``."""
    size = _FAST if options.fast else _WHOLE
    _check_device(options.device)
    given = open_given(options)
    study = Study(
        "hmr",
        "Human mesh recovery on the open benchmark",
        options.out,
        f"{size.people.test} people instead of {_WHOLE.people.test}, two conditions instead of "
        f"{len(CONDITIONS)}, SMPLify cut short, three of L-BFGS's rows left out."
        if options.fast
        else "",
    )
    found = _measure(given, size, options.seed, quick=options.fast)
    for one in given.every:
        one.keep(options.out / "measured")
    compared = {
        name: compare(by_split["validation"], by_split["test"], "lsr1", options.seed)
        for name, by_split in found.results.items()
    }
    _report(study, found, compared, given.learned, size)
    costs = measure(_cost_cases(given, size.cost_people, options.device), size.repeats)
    study.add(cost_section(costs, size.repeats))
    study.add(published_section())
    study.add(rates_section(found.rates))
    study.note(
        f"People and bootstrap of seed {options.seed}; training seeds are those of the configs.",
    )
    for split in ("validation", "test"):
        study.summary[split] = {key: getattr(r, split) for key, r in compared["clean"].items()}
    study.finish(
        {
            "conditions": {
                name: {key: asdict(row) for key, row in rows.items()}
                for name, rows in compared.items()
            },
            "fractions": {share: asdict(row) for share, row in found.by_share.items()},
            "cost": cost_summary(costs),
            "rates": found.rates.chosen,
        }
    )


def _check_device(device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch sees no CUDA device; use --device cpu")


@dataclass(frozen=True)
class _Found:
    results: Mapping[str, Mapping[str, Results]]
    """Condition -> split -> every method's errors."""
    by_share: Mapping[str, Share]
    rates: Rates
    test: Sequence[KnownPeople]
    """The people of the test set, with clean keypoints."""


def _measure(given: Given, size: _Size, seed: int, *, quick: bool) -> _Found:
    """Every method on every condition, on the data that the first L-SR1 was trained with."""
    first = given.learned["lsr1"][0]
    drawn = replace(size.people, seed=seed)
    people = {n: people_under(first.trained, first.name, drawn, n) for n in size.conditions}
    prior = motion_prior(first.name)
    bench = Bench(
        given.learned,
        prior,
        _STEPS,
        lambda task: SMPLify(task.joints_of, prior, size.camera_steps, size.stage_steps),
        QUICK if quick else UNTRAINED,
    )
    clean = people["clean"]
    rates = bench.tune(clean["validation"])
    results = {}
    for name, sets in people.items():
        results[name] = {split: bench.run(name, split, each, rates) for split, each in sets.items()}
        print(f"{name}: every method has run", flush=True)
    by_share = {
        share: at_share(*(one.errors("clean", s, clean[s], _STEPS) for s in ("validation", "test")))
        for share, one in given.shares.items()
    }
    return _Found(results, by_share, rates, clean["test"])


def _report(
    study: Study,
    found: _Found,
    compared: Mapping[str, Mapping[str, Row]],
    learned: Mapping[str, Sequence[Learned]],
    size: _Size,
) -> None:
    """Rows, tables and figures of the errors."""
    study.write_rows(
        CSV_COLUMNS,
        (
            row
            for name, by_split in found.results.items()
            for split, each in by_split.items()
            for row in csv_rows(name, split, each)
        ),
    )
    clean = compared["clean"]
    study.page.introduction = introduction(size.people, learned, _STEPS)
    study.add(main_section(clean, learned, _STEPS))
    study.add(curves_section(draw_curves(study, found.results["clean"]["test"])))
    study.add(conditions_section(compared))
    if found.by_share:
        study.add(fractions_section(found.by_share, clean))
    drawn = {
        label: (learned[key][0].trained, clean[key].steps[0])
        for key, label in (("lsr1", "L-SR1"), ("lgd", "LGD"))
    }
    study.add(_cases(study, drawn, found.test))
    histories = {
        key: [path for one in each if (path := one.history()) is not None]
        for key, each in learned.items()
    }
    training = draw_training(study, histories)
    if training is not None:
        study.add(Section("Figure 8: training", pictures=[(training, "Each line is a seed.")]))


def _cases(
    study: Study, drawn: Mapping[str, tuple[HMRTask, int]], people: Sequence[KnownPeople]
) -> Section:
    """Figures 5 and 9."""
    fits = {}
    for label, (task, step) in drawn.items():
        errors, iterates = run_fitter(task.fitter, people, step)
        fits[label] = (task, errors.pa_mpjpe[step], [path[step] for path in iterates])
    picture = draw_cases(study, people, fits)
    caption = (
        "Dots are the detections. From above: L-SR1's best, median and worst fits of the test set "
        "(Figure 5), then the persons whom it fits better than LGD by most, and worse by most "
        "(Figure 9). The first L-SR1 and LGD of the lists, at their validated steps."
    )
    return Section("Figures 5 and 9: meshes over the keypoints", pictures=[(picture, caption)])


def _cost_cases(given: Given, people: int, device: str) -> list[Case]:
    return [
        Case(key, str(find_checkpoint(given.learned[key][0].name)), body, people, device)
        for body in (JOINTS_ONLY, FULL_MESH)
        for key in ("lsr1", "lgd")
    ]
