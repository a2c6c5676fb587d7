"""``lsr1 bench gpu``: every part within its time, one page that grows with them."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path

import torch

from lsr1_pl.bench.cost.measuring import check_device
from lsr1_pl.bench.gpu.parts import PARTS, Setting
from lsr1_pl.bench.gpu.running import Outcome, card, columns_of, kept, run_part
from lsr1_pl.bench.study import Study
from lsr1_pl.ground.choices import unknown_choice
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.report import PageTable, Section

_RESERVE = 5.0
"""Seconds for the processes' starts and the page."""


def run(options: argparse.Namespace) -> None:
    """Run the parts into ``options.out``; a part that fails or overruns never stops the others.

    Raises:
        UserError: there is no such device or part, or no time.
    """
    check_device(options.device)
    if not options.minutes > 0:
        raise UserError(f"--minutes {options.minutes:g}: expected more than 0")
    for name in options.only or ():
        if name not in PARTS:
            raise unknown_choice("--only", name, PARTS)
    names = [name for name in PARTS if not options.only or name in options.only]
    study = Study(
        "gpu",
        "On a GPU, at the paper's sizes",
        options.out,
        "Sizes of a toy, nothing compiled: no number here means anything." if options.fast else "",
    )
    study.page.introduction = [_introduction(options.device)]
    study.note(f"{platform.platform()}, torch {torch.__version__}, CUDA {torch.version.cuda}.")
    outcomes = _earlier(options, card(options.device))
    end = time.monotonic() + 60 * options.minutes - _RESERVE
    for i, name in enumerate(names):
        shares = [PARTS[later].share for later in names[i:]]
        seconds = max(1.0, (end - time.monotonic()) * shares[0] / sum(shares))
        setting = Setting(options.device, options.fast, seconds, options.out / "files" / name)
        outcomes[name] = outcome = run_part(name, setting, _file(options.out, name))
        print(plain(f"{name}: {_in_words(outcome)}"), flush=True)
        _show(study, outcomes)
        study.save({part: vars(each) for part, each in outcomes.items()})
    study.finish(study.summary["results"])


def _introduction(device: str) -> str:
    on = card(device) if device == "cuda" else f"the CPU ({os.cpu_count()} cores)"
    return (
        f"Measured on {on}. Each part runs in a process of its own and has a share of the time; "
        "what an earlier part leaves goes to the later ones. A part that was stopped shows what it "
        "had found, and a measurement that failed shows its error. Each part is kept in NAME.json."
    )


def _earlier(options: argparse.Namespace, device: str) -> dict[str, Outcome]:
    """Parts that the folder holds already, of the same card and sizes: --only adds to them."""
    found = {name: kept(_file(options.out, name)) for name in PARTS}
    return {
        name: outcome
        for name, outcome in found.items()
        if outcome is not None and (outcome.device, outcome.fast) == (device, options.fast)
    }


def _file(out: Path, name: str) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    return out / f"{name}.json"


def _in_words(outcome: Outcome) -> str:
    failed = f", {outcome.errors} of them errors" if outcome.errors else ""
    return (
        f"{outcome.ended}; {len(outcome.rows)} lines{failed}; "
        f"{outcome.seconds:.0f} of {outcome.limit:.0f} seconds"
    )


def _show(study: Study, outcomes: Mapping[str, Outcome]) -> None:
    study.page.sections = []
    lines = []
    for name in PARTS:
        if name not in outcomes:
            continue
        outcome = outcomes[name]
        columns = columns_of(outcome.rows)
        rows = [[row.get(column) for column in columns] for row in outcome.rows]
        table = PageTable(f"{name}, on {outcome.device}", columns, rows) if rows else None
        study.page.sections.append(Section(PARTS[name].title, [_in_words(outcome)], table=table))
        lines += [
            (name, row["what"], column, value)
            for row in outcome.rows
            for column, value in row.items()
            if column != "what"
        ]
    study.write_rows(("part", "what", "column", "value"), lines)
