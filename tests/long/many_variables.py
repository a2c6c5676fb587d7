"""One problem of many variables: time a step and peak memory, from a million to ten million.

    python tests/long/many_variables.py

Rosenbrock's chain, one CPU thread, each measurement in a process of its own: L-SR1 at the paper's
width and L, on random weights (their values do not change the work), and the shipped lsr1_general.
Times are the process' CPU time, so that what else runs does not count; the mean of the steps, the
first included. The system's share of it gives the process the pages of new tensors. Memory is what
the steps needed at their peak beyond what the process held before; the state alone is L + 6 vectors
of N numbers. Prints one JSON object a measurement, and the ratios of the largest to the least N.

The environment of the measuring processes is in PAGES (Linux); a variable that is set stays as it
is. Without it most of the time beyond a few million variables goes into pages.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
from typing import NamedTuple

import torch

from lsr1_pl import load_pretrained
from lsr1_pl.metrics.memory import peak_bytes, start_peak
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.optim import LSR1, BatchedOptimizer

PAGES = {
    # Torch asks for huge pages.
    "THP_MEM_ALLOC_ENABLE": "1",
    # glibc keeps the memory of freed tensors for the next ones, whatever their size.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
}
"""What keeps new tensors from costing new pages."""


class Case(NamedTuple):
    """What is measured."""

    solver: str
    size: int
    steps: int


class Times(NamedTuple):
    """CPU seconds a step."""

    user: float
    system: float


def solver_of(name: str) -> BatchedOptimizer:
    """Of this name, evaluating."""
    torch.manual_seed(0)
    if name == "lsr1_general":
        return load_pretrained(name)
    return LSR1(hidden_dim=128, buffer_size=8).eval()


def measure(case: Case) -> tuple[Times, int]:
    """Times of a step, and peak bytes."""
    torch.set_num_threads(1)
    optimizer, objective = solver_of(case.solver), Rosenbrock()
    steps(optimizer, objective, 1000, 2)
    before = start_peak("cpu")
    times = steps(optimizer, objective, case.size, case.steps)
    return times, peak_bytes("cpu") - before


@torch.no_grad()
def steps(optimizer: BatchedOptimizer, objective: Rosenbrock, size: int, count: int) -> Times:
    """Of one of ``count`` steps from a random start."""
    x = torch.randn(1, size)
    state = optimizer.init(x, objective.evaluate(x))
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(count):
        state = optimizer.step(state, objective)
    after = resource.getrusage(resource.RUSAGE_SELF)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return Times(user / count, system / count)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--solvers", nargs="+", default=["lsr1_general", "L-SR1, width 128"])
    parser.add_argument("--steps", type=int, default=3, help="that are timed (3)")
    options = parser.parse_args()
    # Read by each measuring process as it starts.
    for name, value in PAGES.items():
        os.environ.setdefault(name, value)
    context = multiprocessing.get_context("spawn")
    for solver in options.solvers:
        times: dict[int, Times] = {}
        for size in options.sizes:
            with context.Pool(1) as pool:
                times[size], peak = pool.apply(measure, (Case(solver, size, options.steps),))
            seconds = sum(times[size])
            row = {"solver": solver, "N": size, "s_per_step": round(seconds, 4)}
            row |= {"system_s_per_step": round(times[size].system, 4)}
            row |= {"us_per_variable": round(1e6 * seconds / size, 3)}
            row |= {"peak_bytes_per_variable": round(peak / size, 1)}
            print(json.dumps(row), flush=True)
        least, most = times[min(times)], times[max(times)]
        ratios = {"time_ratio": sum(most) / sum(least), "user_time_ratio": most.user / least.user}
        print(json.dumps({"solver": solver, **ratios}), flush=True)


if __name__ == "__main__":
    main()
