"""One problem of many variables: time a step and peak memory, from a million to ten million.

    python tests/long/many_variables.py

Rosenbrock's chain, one CPU thread, each measurement in a process of its own: L-SR1 at the paper's
width and L, on random weights (their values do not change the work), and the shipped lsr1_general.
Memory is what the steps needed at their peak beyond what the process held before; the state alone
is L + 6 vectors of N numbers. Prints one JSON object a measurement, and the ratios.

Runs with torch's huge pages (Linux; THP_MEM_ALLOC_ENABLE=0 switches them off): beyond a few million
variables half of the time goes into the pages of new tensors otherwise.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from typing import NamedTuple

import torch

from lsr1_pl import load_pretrained
from lsr1_pl.metrics.memory import peak_bytes, start_peak
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.optim import LSR1, BatchedOptimizer


class Case(NamedTuple):
    """What is measured."""

    solver: str
    size: int
    steps: int


def solver_of(name: str) -> BatchedOptimizer:
    """Of this name, evaluating."""
    torch.manual_seed(0)
    if name == "lsr1_general":
        return load_pretrained(name)
    return LSR1(hidden_dim=128, buffer_size=8).eval()


def measure(case: Case) -> tuple[float, int]:
    """Seconds a step, and peak bytes."""
    torch.set_num_threads(1)
    optimizer, objective = solver_of(case.solver), Rosenbrock()
    steps(optimizer, objective, 1000, 2)
    before = start_peak("cpu")
    seconds = steps(optimizer, objective, case.size, case.steps)
    return seconds, peak_bytes("cpu") - before


@torch.no_grad()
def steps(optimizer: BatchedOptimizer, objective: Rosenbrock, size: int, count: int) -> float:
    """Seconds of one of ``count`` steps from a random start."""
    x = torch.randn(1, size)
    state = optimizer.init(x, objective.evaluate(x))
    started = time.perf_counter()
    for _ in range(count):
        state = optimizer.step(state, objective)
    return (time.perf_counter() - started) / count


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--solvers", nargs="+", default=["lsr1_general", "L-SR1, width 128"])
    parser.add_argument("--steps", type=int, default=3, help="that are timed (3)")
    options = parser.parse_args()
    # Read by each measuring process at its first tensor.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    context = multiprocessing.get_context("spawn")
    for solver in options.solvers:
        seconds = {}
        for size in options.sizes:
            with context.Pool(1) as pool:
                seconds[size], peak = pool.apply(measure, (Case(solver, size, options.steps),))
            row = {"solver": solver, "N": size, "s_per_step": round(seconds[size], 3)}
            row |= {"us_per_variable": round(1e6 * seconds[size] / size, 3)}
            row |= {"peak_bytes_per_variable": round(peak / size, 1)}
            print(json.dumps(row), flush=True)
        least, most = min(seconds), max(seconds)
        print(json.dumps({"solver": solver, "time_ratio": seconds[most] / seconds[least]}))


if __name__ == "__main__":
    main()
