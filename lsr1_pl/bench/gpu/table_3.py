"""Table 3: time and peak memory of an inner iteration of 256 fits, beside the paper's."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial

from lsr1_pl.bench.cost.hmr_iteration import FULL_MESH, JOINTS_ONLY, Case, measure_once
from lsr1_pl.bench.gpu.catalogue import hmr_tasks
from lsr1_pl.bench.gpu.parts import Measurement, Row, Setting

_PAPER = {"L-SR1": (91.0, 14.60), "LGD": (166.0, 17.81)}
"""Milliseconds an inner iteration, and GiB, on an RTX 3090."""
_FOUR_STEPS = {"L-SR1": 364.0, "LGD": 664.0}
"""Milliseconds of a fit of 4 steps, on the authors' project page."""
_ITERATIONS = 4


def measurements(setting: Setting) -> Iterator[Measurement]:
    """Every method, through the 18 joints alone and through the mesh."""
    people, repeats = (2, 1) if setting.fast else (256, 5)
    for body in (JOINTS_ONLY, FULL_MESH):
        for name, make in hmr_tasks(setting.fast).items():
            case = Case(name, make, body, people, setting.device)
            yield Measurement(f"{name}, {body}", partial(_measure, case, repeats))


def _measure(case: Case, repeats: int) -> Row:
    seconds, peaks = zip(*(measure_once(case) for _ in range(repeats)), strict=True)
    method = case.method.split(",")[0]
    milliseconds = 1e3 * statistics.median(seconds)
    return {
        "people": case.people,
        "ms an iteration": milliseconds,
        "range": f"{1e3 * min(seconds):.3g} to {1e3 * max(seconds):.3g}",
        "peak GiB": statistics.median(peaks) / 2**30,
        "paper, RTX 3090: ms": _PAPER[method][0],
        "paper: GiB": _PAPER[method][1],
        f"ms of {_ITERATIONS} steps": _ITERATIONS * milliseconds,
        f"authors' page: ms of {_ITERATIONS} steps": _FOUR_STEPS[method],
    }
