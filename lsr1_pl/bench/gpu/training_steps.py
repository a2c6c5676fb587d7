"""Meta-training steps: eager, in lower precisions, compiled, and with CUDA graphs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import torch

from lsr1_pl.bench.cost.measuring import seconds_of
from lsr1_pl.bench.cost.speed_cases import (
    TRAINING_PEOPLE,
    Call,
    compile_steps,
    hmr_step,
    quadratic_step,
    training_people,
)
from lsr1_pl.bench.gpu.catalogue import OPEN, TEXT, hmr_tasks
from lsr1_pl.bench.gpu.parts import Measurement, Row, Setting
from lsr1_pl.metrics.memory import peak_bytes, start_peak
from lsr1_pl.optim.lsr1.running import CompileMode
from lsr1_pl.tasks import HMRTask

_COMPILED: dict[str, bool | CompileMode] = {"CUDA graphs": "reduce-overhead", "compiled": True}


def measurements(setting: Setting) -> Iterator[Measurement]:
    """What is quick first: a compilation takes a minute."""
    device, fast = setting.device, setting.fast
    quadratics = partial(_quadratics, device, 2 if fast else 128)
    people = 2 if fast else TRAINING_PEOPLE
    hmr = {
        name: partial(_hmr, device, people, make)
        for name, make in hmr_tasks(fast, (TEXT, OPEN)).items()
    }
    measure = partial(_measure, device)
    yield Measurement("quadratics, eager", partial(measure, partial(quadratics, False)))
    for name, step in hmr.items():
        what = f"mesh recovery, {people} people, {name}"
        yield Measurement(f"{what}, eager", partial(measure, partial(step, False, False)))
        yield Measurement(f"{what}, bfloat16", partial(measure, partial(step, False, True)))
    if fast:
        return
    for how, mode in _COMPILED.items():
        yield Measurement(f"quadratics, {how}", partial(measure, partial(quadratics, mode)))
    for how, mode in _COMPILED.items():
        for name, step in hmr.items():
            what = f"mesh recovery, {people} people, {name}, {how}"
            yield Measurement(what, partial(measure, partial(step, mode, False)))


def _quadratics(device: str, problems: int, compiled: bool | CompileMode) -> Call:
    return quadratic_step(device, compiled, problems=problems)


def _hmr(
    device: str,
    people: int,
    make: Callable[[], HMRTask],
    compiled: bool | CompileMode,
    bfloat16: bool,
) -> Call:
    task = make()
    compile_steps(task, compiled)
    return hmr_step(task, training_people(device, people), bfloat16)


def _measure(device: str, make: Callable[[], Call]) -> Row:
    torch.compiler.reset()  # Or the lines before this one would count against its recompilations.
    started = time.perf_counter()
    call = make()
    call()
    first = time.perf_counter() - started
    call()
    before = start_peak(device)
    turns = [1e3 * seconds_of(call, device) for _ in range(3)]
    return {
        "ms a step": sorted(turns)[1],
        "range": f"{min(turns):.3g} to {max(turns):.3g}",
        "s to the first": first,
        "peak MiB": (peak_bytes(device) - before) / 2**20,
    }
