"""A motion store of AMASS's size: time to build, memory, and rows a second in random order.

    python tests/long/motion_store.py --rows 20000000 --folder FOLDER

The poses are random numbers (the embedded clips' are too few to fill it); the reader does not look
at them. Needs 330 bytes a row on disk, which are removed at the end, and prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lsr1_pl.data import Viewing
from lsr1_pl.data.motion.sampler import MotionSampler
from lsr1_pl.data.motion.store import Motion, write_store
from lsr1_pl.optim import LSR1
from lsr1_pl.tasks import HMRTask

ROWS_A_RECORDING = 5_000
BATCH = 512
SEED = 0


def motions(rows: int) -> Iterator[Motion]:
    """Recordings of random poses, ``rows`` in all."""
    generator = np.random.default_rng(SEED)
    for number in range(-(-rows // ROWS_A_RECORDING)):
        count = min(ROWS_A_RECORDING, rows - number * ROWS_A_RECORDING)
        poses = generator.standard_normal((count, 72), np.float32)
        betas = generator.standard_normal((count, 10), np.float32)
        yield Motion(f"{number:05d}", "random", poses, 120.0, count, betas)


def resident_mib() -> dict[str, float]:
    """Resident memory now, of which mapped files and of its own."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    sizes = {line.split(":")[0]: line.split() for line in status.splitlines() if ":" in line}
    return {name: int(sizes[name][1]) / 1024 for name in ("VmRSS", "RssAnon", "RssFile")}


def training_step_seconds() -> float:
    """Median of 3 meta-training steps of hmr.yaml's size on the open body."""
    torch.manual_seed(SEED)
    task = HMRTask(LSR1(hidden_dim=128, buffer_size=4, gamma1=0.1), steps=8)
    task.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    sampler = MotionSampler(["open"], Viewing(), SEED)
    rows = sampler.rows_of(range(len(sampler.recordings)))
    optimizer = torch.optim.AdamW(task.parameters())
    seconds = []
    for number in range(3):
        batch = sampler.batch(rows, BATCH, number)
        start = time.perf_counter()
        task.training_step(batch, number).backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def measure(folder: Path, rows: int, batches: int) -> dict[str, Any]:
    """Build, read and time; see the module."""
    start = time.perf_counter()
    write_store(folder / "store", motions(rows), source="random", licence="none")
    built = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    sampler = MotionSampler([str(folder / "store")], Viewing(), SEED)
    every = sampler.rows_of(range(len(sampler.recordings)))
    opened = time.perf_counter() - start
    start = time.perf_counter()
    sampler.batch(every, BATCH, 0)
    first_batch = time.perf_counter() - start
    memory, seconds = [resident_mib()], []
    for number in range(1, batches + 1):
        start = time.perf_counter()
        sampler.batch(every, BATCH, number)
        seconds.append(time.perf_counter() - start)
        if number % (batches // 4) == 0:
            memory.append(resident_mib())
    batch, step = statistics.median(seconds), training_step_seconds()
    return {
        "rows": rows,
        "batch": BATCH,
        "build_s": built,
        "build_peak_mib": peak,
        "open_s": opened,
        "first_batch_s": first_batch,
        "median_batch_ms": 1e3 * batch,
        "worst_batch_ms": 1e3 * max(seconds),
        "rows_a_second": BATCH * len(seconds) / sum(seconds),
        "memory_mib_over_time": memory,
        "training_step_s": step,
        "share_of_a_step": batch / step,
    }


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--batches", type=int, default=2_000)
    parser.add_argument(
        "--folder", type=Path, required=True, help="a new folder, removed at the end"
    )
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    try:
        print(json.dumps(measure(options.folder, options.rows, options.batches), indent=1))
    finally:
        shutil.rmtree(options.folder)


if __name__ == "__main__":
    main()
