"""Trainings killed at random moments and gone on with: each must end as the undisturbed one.

    python tests/long/kills.py --kills 50 --folder FOLDER

A small ``lsr1 fit`` (dropout, a scheduler, validation and checkpoints every four iterations) is
killed by SIGKILL: at a random time, or at a random line of code that runs in a training step, in
saving, or in validation. Then ``--ckpt last`` goes on (from the start, where nothing had been
saved yet), and the weights, the meta-optimiser's state and the log must equal those of the run that
nothing disturbed, bit for bit. Prints one JSON object; exits with 1 if a run ended otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from lsr1_pl.cli import main as command
from lsr1_pl.cli.training.lightning import run_lightning as _loaded_before_forks  # noqa: F401
from lsr1_pl.pretrained import read_checkpoint

STEPS = 16
FIT = ["fit", "--config=quadratics", "--trainer.enable_progress_bar=false"]
SMALL = [
    f"--trainer.max_steps={STEPS}",
    "--trainer.val_check_interval=4",
    "--data.init_args.batch_size=4",
    "--data.init_args.evaluation_count=3",
    "--model.init_args.steps=2",
    "--model.init_args.test_steps=4",
    "--model.init_args.optimizer.init_args.hidden_dim=8",
    "--model.init_args.optimizer.init_args.dropout=0.3",
    "--model.init_args.lr_scheduler=torch.optim.lr_scheduler.CosineAnnealingLR",
    f"--model.init_args.lr_scheduler.init_args.T_max={STEPS}",
]
MOMENTS: dict[str, tuple[str, ...]] = {
    "in a step": ("lsr1_pl/optim/", "lsr1_pl/tasks/function.py", "torch/optim/"),
    "in a save": (
        *(
            "lsr1_pl/cli/training/checkpoint_io.py",
            "lsr1_pl/cli/training/resume.py",
            "lsr1_pl/cli/training/run_log.py",
        ),
        *("lsr1_pl/ground/files.py", "lsr1_pl/pretrained/curves.py", "torch/serialization.py"),
        *("pytorch_lightning/callbacks/model_checkpoint.py", "loggers/csv_logs.py"),
    ),
    "in validation": ("pytorch_lightning/loops/evaluation_loop.py", "lsr1_pl/tasks/meta.py"),
}
"""Parts of the paths of files, any of whose lines is such a moment."""
ANY_TIME, AFTER_A_SAVE = "at any time", "after a save"


class _Fuse:
    """Counts lines of some files that run, and kills at one of them."""

    def __init__(self, parts: tuple[str, ...], kill_at: int) -> None:
        self.parts, self.kill_at, self.lines = parts, kill_at, 0
        self.known: dict[str, bool] = {}

    def __call__(self, frame: FrameType, event: str, argument: object) -> _Fuse | None:
        name = frame.f_code.co_filename
        if name not in self.known:
            self.known[name] = any(part in name for part in self.parts)
        if not self.known[name]:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def fit(
    folder: Path,
    words: list[str],
    fuse: _Fuse | None = None,
    kill_after: float = 0.0,
    *,
    saved_first: bool = False,
) -> int:
    """Run ``lsr1`` in a fork: lines that the fuse counted, or -1 if it was killed.

    ``kill_after`` so many seconds, which with ``saved_first`` begin with the first checkpoint.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.chdir(folder)
            with open("output.txt", "a") as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            sys.settrace(fuse)
            code = command(words)
            sys.settrace(None)
            os.write(writing, str(fuse.lines if fuse else 0).encode())
        finally:
            os._exit(code)
    os.close(writing)
    while saved_first and not list(folder.glob("runs/*/*/checkpoints/last.ckpt")):
        time.sleep(0.005)
    if kill_after:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    if os.WIFSIGNALED(status):
        return -1
    if os.WEXITSTATUS(status):
        raise RuntimeError(f"lsr1 failed: {(folder / 'output.txt').read_text()[-2000:]}")
    return int(text or 0)


def result(folder: Path) -> dict[str, Any]:
    """What the newest version of a run ended with."""
    version = max(folder.glob("runs/quadratics/version_*"), key=lambda path: path.stat().st_mtime)
    last = read_checkpoint(version / "checkpoints" / "last.ckpt")
    if last["global_step"] != STEPS:
        raise RuntimeError(f"{version} ended at step {last['global_step']}")
    moments = last["optimizer_states"][0]["state"]
    tensors = {f"moment {k} {name}": v for k, m in moments.items() for name, v in m.items()}
    log = (version / "metrics.csv").read_text()
    return {**last["state_dict"], **tensors, "log": log}


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Bit for bit."""
    return first.keys() == second.keys() and all(
        torch.equal(value, second[key]) if isinstance(value, torch.Tensor) else value == second[key]
        for key, value in first.items()
    )


def run(
    kills: int, seed: int, folder: Path, moments: Sequence[str] = (ANY_TIME, *MOMENTS)
) -> dict[str, Any]:
    """Kill, go on and compare; see the module."""
    torch.set_num_threads(1)
    draw = random.Random(seed)
    folder.mkdir(parents=True)
    begun = time.perf_counter()
    fit(folder, [*FIT, *SMALL])
    duration = time.perf_counter() - begun
    undisturbed = result(folder)
    shutil.rmtree(folder / "runs")
    lines = {}
    for moment, parts in MOMENTS.items():
        if moment not in moments:
            continue
        lines[moment] = fit(folder, [*FIT, *SMALL], _Fuse(parts, 0))
        shutil.rmtree(folder / "runs")
    done: Counter[str] = Counter()
    survived, fresh, missed, broken = 0, 0, 0, []
    while sum(done.values()) < kills:
        number = sum(done.values())
        moment = moments[number % len(moments)]
        place = folder / f"kill_{number:03d}_{missed}"
        place.mkdir()
        if moment == ANY_TIME:
            ended = fit(place, [*FIT, *SMALL], None, draw.uniform(0.2, 1) * duration)
        elif moment == AFTER_A_SAVE:
            delay = draw.uniform(0.001, 0.05)
            ended = fit(place, [*FIT, *SMALL], None, delay, saved_first=True)
        else:
            kill_at = draw.randrange(1, lines[moment] + 1)
            ended = fit(place, [*FIT, *SMALL], _Fuse(MOMENTS[moment], kill_at))
        if ended >= 0:
            missed += 1
            continue
        done[moment] += 1
        saved = list(place.glob("runs/quadratics/version_*/checkpoints/last.ckpt"))
        fresh += not saved
        fit(place, [*FIT, "--ckpt=last", *SMALL] if saved else [*FIT, *SMALL])
        if same(result(place), undisturbed):
            survived += 1
            shutil.rmtree(place)
        else:
            broken.append(f"{place.name} {moment}")
    return {
        "kills": dict(done),
        "survived": survived,
        "before the first checkpoint": fresh,
        "ended before the kill": missed,
        "ended otherwise": broken,
        "seed": seed,
        "seconds": round(time.perf_counter() - begun, 1),
    }


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="is made")
    options = parser.parse_args()
    found = run(options.kills, options.seed, options.folder.resolve())
    print(json.dumps(found, indent=1))
    return 1 if found["ended otherwise"] else 0


if __name__ == "__main__":
    sys.exit(main())
