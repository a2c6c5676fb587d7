"""Trainings by ``lsr1 fit`` with the time that is left."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import lsr1_pl
from lsr1_pl.bench.gpu.parts import Measurement, Row, Setting

_START = 25.0
"""Seconds of a training's process before its first step and after its last."""
_CONFIGS: dict[str, tuple[str, ...]] = {
    # On the clips that come with the package, which have one subject.
    "start_open.yaml": tuple(
        f"--data.init_args.{word}"
        for word in (
            "stores=[open]",
            "validation_subjects=[]",
            "validation_recordings=[walk]",
            "test_subjects=[]",
        )
    ),
    "profiles_quadratics_official.yaml": (),
}


def measurements(setting: Setting) -> Iterator[Measurement]:
    """Each config for half of the time; the checkpoints stay in the part's folder."""
    for config in _CONFIGS:
        seconds = max(1.0, setting.seconds / len(_CONFIGS) - _START)
        yield Measurement(config, partial(_train, config, setting, seconds))


def command(config: str, setting: Setting, seconds: float) -> list[str]:
    """The words of ``lsr1`` that train ``config`` for so long into the part's folder."""
    toy = ("max_steps=1", "limit_val_batches=1", "log_every_n_steps=1")
    short = [f"--trainer.{word}" for word in toy] if setting.fast else []
    accelerator = "gpu" if setting.device == "cuda" else "cpu"
    minutes, left = divmod(int(seconds), 60)
    return [
        *("fit", f"--config={config}", f"--name={config.removesuffix('.yaml')}"),
        *_CONFIGS[config],
        *short,
        f"--trainer.accelerator={accelerator}",
        "--trainer.devices=1",
        f"--trainer.max_time=00:00:{minutes:02}:{left:02}",
        "--trainer.enable_progress_bar=false",
        f"--trainer.default_root_dir={setting.folder.absolute()}",
    ]


def _train(config: str, setting: Setting, seconds: float) -> Row:
    setting.folder.mkdir(parents=True, exist_ok=True)
    home = str(Path(lsr1_pl.__file__).parents[1])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "lsr1_pl.cli", *command(config, setting, seconds)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip()[-400:])
    return {"seconds": time.perf_counter() - started, **last_logged(setting.folder)}


def last_logged(folder: Path) -> Row:
    """The newest run's last step, and the last validation's main number."""
    runs = sorted(folder.rglob("metrics.csv"), key=lambda path: path.stat().st_mtime)
    if not runs:
        return {}
    with runs[-1].open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    found: dict[str, object] = {}
    for line in lines:
        found |= {
            name: float(value)
            for name, value in line.items()
            if value and (name == "step" or name in ("val/pa_mpjpe", "val/final_value"))
        }
    return found
