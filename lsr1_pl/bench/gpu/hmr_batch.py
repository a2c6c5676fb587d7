"""A training step of hmr.yaml at its batch of 512, AdamW and the drawing of the batch included.

The open body stands in for SMPL, and the embedded clips for AMASS: sizes and operations are the
same, errors are not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch

from lsr1_pl.bench.cost.measuring import seconds_of
from lsr1_pl.bench.cost.speed_cases import hmr_step, training_people
from lsr1_pl.bench.gpu.catalogue import AUTHORS, TEXT, hmr_tasks
from lsr1_pl.bench.gpu.parity import tf32
from lsr1_pl.bench.gpu.parts import Measurement, Row, Setting
from lsr1_pl.metrics.memory import peak_bytes, start_peak
from lsr1_pl.tasks import HMRTask


def measurements(setting: Setting) -> Iterator[Measurement]:
    """The text's optimiser and the authors', in each precision that the device has."""
    people = 2 if setting.fast else 512
    modes: dict[str, tuple[Callable[[], AbstractContextManager[object]], bool]] = {
        "float32": (nullcontext, False),
        **({"TF32": (tf32, False)} if setting.device == "cuda" else {}),
        "bfloat16": (nullcontext, True),
    }
    for name, make in hmr_tasks(setting.fast, (TEXT, AUTHORS)).items():
        for mode, (context, bfloat16) in modes.items():
            measure = partial(_measure, make, people, setting.device, context, bfloat16)
            yield Measurement(f"{name}, {people} people on the open body, {mode}", measure)


def _measure(
    make: Callable[[], HMRTask],
    people: int,
    device: str,
    context: Callable[[], AbstractContextManager[object]],
    bfloat16: bool,
) -> Row:
    task, numbers = make(), itertools.count()
    step = hmr_step(task, training_people(device, people), bfloat16)
    adamw = torch.optim.AdamW(task.parameters(), lr=1e-3)

    def whole() -> object:
        training_people(device, people, next(numbers))
        step()
        torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
        return adamw.step()

    with context():
        whole()
        before = start_peak(device)
        turns = [seconds_of(whole, device) for _ in range(3)]
    milliseconds = 1e3 * sorted(turns)[1]
    return {
        "ms a step": milliseconds,
        "range": f"{1e3 * min(turns):.3g} to {1e3 * max(turns):.3g}",
        "people a second": 1e3 * people / milliseconds,
        "hours of 400,000 steps": 400_000 * milliseconds / 3.6e6,
        "peak GiB": (peak_bytes(device) - before) / 2**30,
    }
