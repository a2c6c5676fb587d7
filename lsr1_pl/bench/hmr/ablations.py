"""What each departure from the paper's recipe brings in human mesh recovery."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from pytorch_lightning import seed_everything
from torch.optim.lr_scheduler import OneCycleLR

from lsr1_pl.bench.hmr.conditions import Drawn, motion_data, people_under
from lsr1_pl.bench.hmr.people import run_fitter
from lsr1_pl.bench.hmr.variants import ASIDE, LADDER, VARIANTS, Variant
from lsr1_pl.bench.many_runs import iterations_of, missing, store, stored
from lsr1_pl.bench.short_training import train_shortly
from lsr1_pl.bench.study import Study
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import EvaluationPlan
from lsr1_pl.pretrained import find_checkpoint
from lsr1_pl.report import PageTable, Section
from lsr1_pl.tasks import HMRTask

_ITERATIONS, _STEPS, _RATE, _BATCH = 400, 15, 2e-3, 64
_SPLITS = ("validation", "test")


def run(options: argparse.Namespace) -> None:
    """Train what is missing in ``options.out``, a file each; then report all that is there."""
    iterations = iterations_of(options, 2 if options.fast else _ITERATIONS)
    people = 16 if options.fast else 256
    study = Study(
        "hmr_ablations",
        "Ablations of human mesh recovery",
        options.out,
        f"{iterations} iterations instead of {_ITERATIONS}, {people} people: hardly trained at all."
        if options.fast
        else "",
    )
    if options.seeds < 1:
        raise UserError(f"--seeds {options.seeds}: expected 1 or more")
    find_checkpoint(options.initial)
    folder = options.out / f"runs-{iterations}"
    wanted = [(variant, seed) for seed in range(options.seeds) for variant in VARIANTS]
    names = [_name(*each) for each in wanted]
    settings = {"initial": options.initial, "people": people}
    for position, path in missing(folder, names, options.share, settings):
        variant, seed = wanted[position]
        outcome = _train(variant, seed, options.initial, iterations, people)
        store(path, outcome)
        print(f"{names[position]}: {min(outcome['validation']):.2f}", flush=True)
    _report(study, stored(folder, names), iterations, people, options)


def _name(variant: Variant, seed: int) -> str:
    return f"{variant.name}, seed {seed}"


def _train(
    variant: Variant, seed: int, initial: str, iterations: int, people: int
) -> dict[str, list[float]]:
    """Mean PA-MPJPE by step on validation and test, clean, after a training of its own."""
    seed_everything(seed, verbose=False)
    task = HMRTask(
        variant.make(),
        start=replace(variant.start, weights=initial),
        unroll=replace(variant.unroll, freeze_norm_after=iterations // 3),
        evaluate=EvaluationPlan(_STEPS),
        meta_optimizer=lambda p: torch.optim.AdamW(p, lr=_RATE, weight_decay=0.01),
        lr_scheduler=lambda o: OneCycleLR(o, _RATE, total_steps=iterations + 1, pct_start=0.1),
        **variant.task,
    )
    train_shortly(
        task, motion_data(initial, batch_size=_BATCH, seed=seed, **variant.data), iterations
    )
    task.eval()
    sets = people_under(task, initial, Drawn(people, 2 * people), "clean")
    return {
        split: run_fitter(task.fitter, each, _STEPS)[0].curve().tolist()
        for split, each in sets.items()
    }


def _report(
    study: Study,
    known: Mapping[str, Mapping[str, list[float]]],
    iterations: int,
    people: int,
    options: argparse.Namespace,
) -> None:
    columns = ("variant", "seed", "split", "step", "pa_mpjpe_mm")
    runs = {(v.name, seed): _name(v, seed) for v in VARIANTS for seed in range(options.seeds)}
    found = {run: known[name] for run, name in runs.items() if name in known}
    study.write_rows(
        columns,
        (
            (variant, seed, split, step, round(value, 3))
            for (variant, seed), outcome in found.items()
            for split in _SPLITS
            for step, value in enumerate(outcome[split])
        ),
    )
    study.page.introduction = [
        f"L-SR1 trained for {iterations} iterations on the frozen initial estimate of "
        f"{options.initial} and its data; PA-MPJPE in mm on {people} validation and {2 * people} "
        f"test people, clean keypoints, at the step of 0 to {_STEPS} with the least error on "
        "validation. The ladder adds one departure from the paper after another; "
        "below it each row changes one thing of the last rung.",
    ]
    summary: dict[str, object] = {}
    for group in (LADDER, ASIDE):
        rows: list[list[object]] = []
        for variant in (v for v in VARIANTS if v.group == group):
            outcomes = [outcome for (v, _), outcome in found.items() if v == variant.name]
            if outcomes:
                row = _summarise(outcomes)
                summary[variant.name] = row
                shown = [f"{row[key]:.1f}" for key in ("validation", "test", "test_at_8")]
                by_seed = "; ".join(f"{value:.1f}" for value in row["test_by_seed"])
                rows.append([variant.name, row["step"], *shown, by_seed])
        heads = ["variant", "validated step", "validation", "test", "test after 8", "test by seed"]
        caption = "PA-MPJPE in mm, means over the seeds"
        if rows:
            study.add(Section(group.capitalize(), table=PageTable(caption, heads, rows)))
    if options.seeds > 1:
        study.note(f"Training seeds 0 to {options.seeds - 1}, as far as the last column has them.")
    absent = [variant.name for variant in VARIANTS if variant.name not in summary]
    if absent:
        study.note(f"Not trained yet: {'; '.join(absent)}.")
    study.finish(summary)


def _summarise(outcomes: list[Mapping[str, list[float]]]) -> dict[str, Any]:
    steps = [int(np.argmin(outcome["validation"])) for outcome in outcomes]
    chosen = {
        split: [outcome[split][step] for outcome, step in zip(outcomes, steps, strict=True)]
        for split in _SPLITS
    }
    return {
        "step": "; ".join(map(str, steps)),
        "validation": float(np.mean(chosen["validation"])),
        "test": float(np.mean(chosen["test"])),
        "test_at_8": float(np.mean([outcome["test"][8] for outcome in outcomes])),
        "test_by_seed": chosen["test"],
    }
