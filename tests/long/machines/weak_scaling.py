"""Weak scaling of training on functions: twice the processes, twice the problems, the same time?

    python tests/long/machines/weak_scaling.py

A meta-training step of ``quadratics.yaml`` with DDP over gloo, one thread a process, each process
with a batch of its own. Three ways of working take turns, so that a busy spell hits all alike:

- alone: the first process steps, the others wait;
- apart: all step at once, and nothing is sent. What this costs is what processes take from each
  other: cores, caches, memory;
- together: all step, and DDP averages the gradients and sends BatchNorm's buffers.

Prints one JSON object a way, one a message, and the ratios. The time of a way is that of its
slowest process. CPU time is that of the first process: it leaves out waiting.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from lsr1_pl.data import QuadraticsDataModule
from lsr1_pl.optim import LSR1, Networks, SecantPenalty
from lsr1_pl.tasks import FunctionTask, Unroll

WAYS = ("alone", "apart", "together")


class Asked(NamedTuple):
    """What every process measures."""

    processes: int
    turns: int
    steps: int
    problems: int
    width: int
    messages: Sequence[int]


class Cost(NamedTuple):
    """Of one step, or of one message."""

    seconds: float
    """Of the slowest process."""
    cpu_seconds: float
    """Of the first process."""


class TrainingStep(nn.Module):
    """A task as a module whose forward pass is its training step: DDP wraps such modules alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        optimizer = LSR1(networks=Networks(width), buffer_size=8)
        penalty = SecantPenalty(100.0, pair="previous")
        self.task = FunctionTask(optimizer, Unroll(16), penalty)
        self.task.log = _unlogged  # type: ignore[method-assign]

    def forward(self, batch: Any) -> Tensor:
        """The loss of one batch."""
        return self.task.training_step(batch, 0)


def _unlogged(*_: object, **__: object) -> None:
    """A task outside of a trainer has no log."""


def stepper(module: nn.Module, batch: Any) -> Callable[[], None]:
    """One training step: gradients, clipped, and AdamW."""
    adamw = torch.optim.AdamW(module.parameters(), lr=1e-4)

    def step() -> None:
        adamw.zero_grad()
        module(batch).backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        adamw.step()

    return step


def timed(call: Callable[[], object], count: int, *, works: bool = True) -> Cost:
    """The cost of one of ``count`` calls, all processes at once; one that does not work waits."""
    distributed.barrier()
    started, cpu_started = time.perf_counter(), time.process_time()
    for _ in range(count if works else 0):
        call()
    spent = torch.tensor((time.perf_counter() - started) / count)
    cpu_spent = (time.process_time() - cpu_started) / count
    distributed.all_reduce(spent, distributed.ReduceOp.MAX)
    return Cost(float(spent), cpu_spent)


def measure(rank: int, asked: Asked, store: str) -> None:
    """One process of ``asked.processes``; the first prints."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=asked.processes
    )
    torch.manual_seed(0)
    single, averaged = TrainingStep(asked.width), TrainingStep(asked.width)
    batch = QuadraticsDataModule(batch_size=asked.problems).train_batch(rank)
    bare = stepper(single, batch)
    joined = stepper(DistributedDataParallel(averaged), batch)
    calls = dict(zip(WAYS, (bare, bare, joined), strict=True))
    for call in calls.values():
        call()
    costs: dict[str, list[Cost]] = {way: [] for way in WAYS}
    for _ in range(asked.turns):
        for way, call in calls.items():
            costs[way].append(timed(call, asked.steps, works=way != "alone" or rank == 0))
    sent: dict[int, list[Cost]] = {}
    for floats in asked.messages:
        message = torch.zeros(floats)
        sent[floats] = [
            timed(lambda: distributed.all_reduce(message), asked.steps)  # noqa: B023
            for _ in range(asked.turns)
        ]
    distributed.destroy_process_group()
    if rank == 0:
        parameters = sum(each.numel() for each in single.parameters())
        for row in rows(asked.processes, parameters, costs, sent):
            print(json.dumps(row), flush=True)


def rows(
    processes: int,
    parameters: int,
    costs: dict[str, list[Cost]],
    sent: dict[int, list[Cost]],
) -> list[dict[str, Any]]:
    """What is printed: medians over the turns, and ratios of what one turn measured."""
    found: list[dict[str, Any]] = [
        {
            "processes": processes,
            "parameters": parameters,
            "way": way,
            "ms_per_step": _milliseconds(each.seconds for each in turns),
            "cpu_ms_per_step": _milliseconds(each.cpu_seconds for each in turns),
        }
        for way, turns in costs.items()
    ]
    found += [
        {
            "processes": processes,
            "message_mb": round(4e-6 * floats, 2),
            "ms": _milliseconds(each.seconds for each in turns),
        }
        for floats, turns in sent.items()
    ]
    ratios: dict[str, Any] = {"processes": processes}
    for name, way, base in (
        ("apart_over_alone", "apart", "alone"),
        ("together_over_apart", "together", "apart"),
        ("together_over_alone", "together", "alone"),
    ):
        turns = [
            over.seconds / under.seconds
            for over, under in zip(costs[way], costs[base], strict=True)
        ]
        ratios[name] = round(statistics.median(turns), 3)
        ratios[f"{name}_range"] = [round(min(turns), 3), round(max(turns), 3)]
    return [*found, ratios]


def _milliseconds(seconds: Any) -> float:
    return round(1e3 * statistics.median(seconds), 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=int, default=15, help="of the three ways (15)")
    parser.add_argument("--steps", type=int, default=3, help="of a turn (3)")
    parser.add_argument("--problems", type=int, default=128, help="of each process (128)")
    parser.add_argument("--width", type=int, default=128, help="of the networks (128)")
    parser.add_argument(
        "--messages",
        type=int,
        nargs="*",
        default=[252_555, 8_800_000],
        help="numbers in an all-reduce that is timed alone (252555 8800000)",
    )
    options = parser.parse_args()
    for processes in options.processes:
        asked = Asked(
            processes,
            options.turns,
            options.steps,
            options.problems,
            options.width,
            options.messages,
        )
        with tempfile.TemporaryDirectory() as folder:
            store = str(Path(folder) / "store")
            if processes == 1:
                measure(0, asked, store)
            else:
                torch.multiprocessing.spawn(measure, (asked, store), processes)


if __name__ == "__main__":
    main()
