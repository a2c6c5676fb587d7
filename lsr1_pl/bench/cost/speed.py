"""Speed against the peers and against the limit: ratios within one run."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import torch

from lsr1_pl.bench.cost import hmr_iteration
from lsr1_pl.bench.cost.measuring import check_device, seconds_of
from lsr1_pl.bench.cost.speed_cases import (
    PEOPLE,
    TRAINING_PEOPLE,
    Case,
    cases,
    quadratic_step,
)
from lsr1_pl.bench.study import Study
from lsr1_pl.data.motion.sampler import MotionSampler
from lsr1_pl.data.motion.views import Viewing
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import has_bfloat16_units
from lsr1_pl.report import PageTable, Section

_REPEATS = 7
_META_ITERATIONS, _REACH_MINUTES = 10_000, 30.0
_REACH_ITERATION, _REACH_PEAK = 5.0, 2**30
_LOADED, _REACH_LOADING = 512, 0.01
_REACH_IMPORT = 0.5


class _Timed(NamedTuple):
    """A case's repeats."""

    ours: list[float]
    theirs: list[float]

    def ratios(self, case: Case) -> list[float]:
        pairs = zip(self.ours, self.theirs, strict=True)
        return [b / a if case.slower_over_faster else a / b for a, b in pairs]


def run(options: argparse.Namespace) -> None:
    """Run the study into ``options.out``.

    Raises:
        UserError: there is no such device, or no thread.
    """
    device = options.device
    check_device(device)
    if options.threads < 1:
        raise UserError(f"--threads {options.threads}: must be 1 or more")
    torch.set_num_threads(options.threads)
    repeats = 3 if options.fast else _REPEATS
    study = Study(
        "speed",
        "Speed, against the peers and against the limit",
        options.out,
        f"{repeats} repeats instead of {_REPEATS}, nothing compiled." if options.fast else "",
    )
    machine = "the CPU" if device == "cpu" else torch.cuda.get_device_name()
    study.page.introduction = [
        f"On {machine}, --threads {options.threads}. The two sides of a line take turns, "
        f"{repeats} times, so that a busy spell of the machine hits both; shown are medians, and "
        "the ratio's median and range over the turns. Equality of the results is what the tests "
        "check.",
        "bfloat16: networks run in it, all else does not; measured only where the machine has "
        "matrix units of that type. The plain side never does.",
    ]
    possible = [
        case for case in cases(options.fast) if not case.bfloat16 or has_bfloat16_units(device)
    ]
    rows = [_row(case, _time(case, device, repeats), study) for case in possible]
    rows += _iterations(study, device, repeats)
    columns = ["what", "ms", "against", "its ms", "ratio", "range", "to reach", "reached"]
    study.add(Section("Ratios", table=PageTable(f"Medians of {repeats}", columns, rows)))
    others = [_meta_iterations(study, device, repeats, compiled=False)]
    if not options.fast:
        others.append(_meta_iterations(study, device, repeats, compiled=True))
    others += [_loading(study, repeats), *_starting(study, repeats)]
    table = PageTable(f"Medians of {repeats}", ["what", "measured", "to reach", "reached"], others)
    study.add(Section("Times", table=table))
    study.write_rows(columns, rows)
    study.finish({})


def _time(case: Case, device: str, repeats: int) -> _Timed:
    torch.compiler.reset()  # Or the lines before this one would count against its recompilations.
    sides = case.make(device)
    for call in sides:  # Libraries load, and compile, at their first use.
        call()
        call()
    timed = _Timed([], [])
    for _ in range(repeats):
        for call, seconds in zip(sides, timed, strict=True):
            seconds.append(seconds_of(call, device))
    return timed


def _row(case: Case, timed: _Timed, study: Study) -> list[object]:
    ratios = timed.ratios(case)
    ratio = statistics.median(ratios)
    study.summary[case.key] = ratio
    reached = ratio >= case.reach if case.slower_over_faster else ratio <= case.reach
    bound = "at least" if case.slower_over_faster else "at most"
    return [
        case.title,
        1e3 * statistics.median(timed.ours),
        case.against,
        1e3 * statistics.median(timed.theirs),
        ratio,
        f"{min(ratios):.3g} to {max(ratios):.3g}",
        f"{bound} {case.reach:g}",
        "yes" if reached else "no",
    ]


def _iterations(study: Study, device: str, repeats: int) -> list[list[object]]:
    """An inner iteration of a fit, and its peak memory, against the same through the mesh."""
    every = [
        hmr_iteration.Case(method, checkpoint, body, PEOPLE, device)
        for method, checkpoint in (("L-SR1", "hmr_open"), ("LGD", "lgd_open"))
        for body in (hmr_iteration.JOINTS_ONLY, hmr_iteration.SMPLX_MESH)
    ]
    costs = hmr_iteration.measure(every, repeats)
    rows: list[list[object]] = []
    for ours, theirs in zip(every[::2], every[1::2], strict=True):
        a, b = costs[ours], costs[theirs]
        ratio = b.seconds / a.seconds
        method = ours.method.lower().replace("-", "")
        study.summary[f"hmr_iteration_ratio_{method}"] = ratio
        study.summary[f"hmr_peak_bytes_{method}"] = a.peak
        reached = ratio >= _REACH_ITERATION and a.peak < _REACH_PEAK
        rows.append(
            [
                f"inner iteration of {PEOPLE} fits, {ours.method}: peak {a.peak / 2**20:.0f} MiB",
                1e3 * a.seconds,
                f"the same through smplx's mesh: peak {b.peak / 2**20:.0f} MiB",
                1e3 * b.seconds,
                ratio,
                f"{b.low / a.high:.3g} to {b.high / a.low:.3g}",
                f"at least {_REACH_ITERATION:g}, below 1 GiB",
                "yes" if reached else "no",
            ]
        )
    return rows


def _meta_iterations(study: Study, device: str, repeats: int, *, compiled: bool) -> list[object]:
    """Meta-iterations of quadratics.yaml: the step, its data and AdamW, as training does them."""
    step = quadratic_step(device, compiled, whole=True)
    step()
    step()
    minutes = [_META_ITERATIONS * seconds_of(step, device) / 60 for _ in range(repeats)]
    found = statistics.median(minutes)
    name = "compiled" if compiled else "plain"
    study.summary[f"minutes_of_quadratics_{name}"] = found
    return [
        f"10,000 meta-training steps of quadratics, {name}: minutes (the paper: 15 hours on an RTX "
        "3090)",
        f"{found:.3g} ({min(minutes):.3g} to {max(minutes):.3g})",
        f"{_REACH_MINUTES:g}",
        "yes" if found <= _REACH_MINUTES else "no",
    ]


def _loading(study: Study, repeats: int) -> list[object]:
    """A batch of 512 people against the meta-training step of mesh recovery."""
    sampler = MotionSampler(["open"], Viewing(), 0)
    rows = sampler.rows_of(range(len(sampler.recordings)))
    numbers = iter(range(10**9))
    loading = statistics.median(
        seconds_of(lambda: sampler.batch(rows, _LOADED, next(numbers)), "cpu")
        for _ in range(repeats)
    )
    case = next(case for case in cases(fast=True) if case.key == "hmr_training_ratio")
    step, _ = case.make("cpu")
    step()
    # A step's time is that of its people.
    whole = _LOADED / TRAINING_PEOPLE * statistics.median(seconds_of(step, "cpu") for _ in range(3))
    share = loading / whole
    study.summary["loading_share"] = share
    return [
        f"loading {_LOADED} people ({1e3 * loading:.3g} ms): percent of their training step",
        f"{100 * share:.3g}",
        f"{100 * _REACH_LOADING:g}",
        "yes" if share < _REACH_LOADING else "no",
    ]


def _starting(study: Study, repeats: int) -> list[list[object]]:
    """Importing the package beyond torch, and the command's help; commands take turns."""
    commands = (
        [sys.executable, "-c", "import torch"],
        [sys.executable, "-c", "import torch, lsr1_pl; lsr1_pl.minimize"],
        [sys.executable, "-m", "lsr1_pl.cli", "--help"],
    )
    turns = [[_process(command) for command in commands] for _ in range(repeats)]
    rows: list[list[object]] = []
    for key, title, seconds in (
        (
            "import_seconds",
            "import lsr1_pl, beyond torch's own: seconds",
            [package - torch_alone for torch_alone, package, _ in turns],
        ),
        ("help_seconds", "lsr1 --help: seconds", [shown for _, _, shown in turns]),
    ):
        found = statistics.median(seconds)
        study.summary[key] = found
        reached = "yes" if found < _REACH_IMPORT else "no"
        rows.append([title, f"{found:.2f}", f"{_REACH_IMPORT:g}", reached])
    return rows


def _process(command: Sequence[str]) -> float:
    """Seconds of a process."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started
