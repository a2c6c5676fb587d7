"""Hidden synchronisations: how often a call makes the host wait for the GPU.

CUDA's own debug mode reports each of them. On a CPU there is nothing to wait for: the calls run,
and the counts stay empty. Line searches ask for numbers by their nature; other lines should be
zero.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import nn

from lsr1_pl.bench.cost.speed_cases import hmr_step, quadratic_step, training_people
from lsr1_pl.bench.gpu.catalogue import OPTIMIZERS, hmr_tasks
from lsr1_pl.bench.gpu.parts import Measurement, Row, Setting
from lsr1_pl.objectives import DiagonalQuadratic
from lsr1_pl.optim import unroll

_STEPS = 4


def measurements(setting: Setting) -> Iterator[Measurement]:
    """Training steps first, then every optimiser's own steps."""
    device, people = setting.device, 2 if setting.fast else 64
    made: dict[str, Callable[[], Callable[[], object]]] = {
        "training step, quadratics": partial(
            quadratic_step, device, False, problems=2 if setting.fast else 128
        ),
        **{
            f"training step, mesh recovery, {name}": partial(_training, make, people, device)
            for name, make in hmr_tasks(setting.fast).items()
        },
        **{f"{_STEPS} steps, {name}": partial(_steps, name, device) for name in OPTIMIZERS},
    }
    for what, make in made.items():
        yield Measurement(what, partial(_count, make, device))


def _training(make: Callable[[], object], people: int, device: str) -> Callable[[], object]:
    task = make()
    return hmr_step(task, training_people(device, people), False)  # type: ignore[arg-type]


def _steps(name: str, device: str) -> Callable[[], object]:
    x0 = torch.randn(8, 10, device=device)
    optimizer = OPTIMIZERS[name](x0)
    if isinstance(optimizer, nn.Module):
        optimizer.eval()
    objective = DiagonalQuadratic(10.0)
    return torch.no_grad()(lambda: unroll(optimizer, objective, x0, _STEPS))


def _count(make: Callable[[], Callable[[], object]], device: str) -> Row:
    call = make()
    call()  # What is made at the first use may wait.
    if device != "cuda":
        call()
        return {"waits": None, "where": "no GPU: does not apply"}
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    places = Counter(
        f"{Path(each.filename).name}:{each.lineno}"
        for each in caught
        if "synchroniz" in str(each.message)
    )
    where = ", ".join(f"{count} at {place}" for place, count in places.most_common())
    return {"waits": sum(places.values()), "where": where}
