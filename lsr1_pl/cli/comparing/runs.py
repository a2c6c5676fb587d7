"""The runs that ``lsr1 compare`` is given: where their folders are, and what stands in them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lsr1_pl.ground.choices import did_you_mean
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.plain_yaml import load_yaml
from lsr1_pl.pretrained import METRICS_FILE, Curves

ROOT = Path("runs")
"""Where a run is looked for that is given by its name."""

TEST_FILE = "curves.csv"
_NEEDED = (
    "expected the folder of a run (runs/NAME), of one of its versions (runs/NAME/version_K), or of "
    "a test of it"
)

ByInnerStep = dict[str, dict[str, list[float]]]
"""Metric -> solver -> value at each inner step, the start first."""


@dataclass(frozen=True)
class Member:
    """One training, of one seed: the folder of its version."""

    folder: Path

    @cached_property
    def curves(self) -> Curves | None:
        """What it logged; None without a log."""
        path = self.folder / METRICS_FILE
        return Curves(path) if path.is_file() else None

    @cached_property
    def monitor(self) -> str | None:
        """The metric that selects its ``best.ckpt``; None if its config names none."""
        path = self.folder / "config.yaml"
        try:
            config = load_yaml(path.read_text(encoding="utf-8")) if path.is_file() else None
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read ({error}); remove it, or mend it") from None
        trainer = config.get("trainer") if isinstance(config, dict) else None
        callbacks = trainer.get("callbacks") if isinstance(trainer, dict) else None
        for callback in callbacks if isinstance(callbacks, list) else []:
            arguments = callback.get("init_args") if isinstance(callback, dict) else None
            monitor = arguments.get("monitor") if isinstance(arguments, dict) else None
            if isinstance(monitor, str):
                return monitor
        return None

    @cached_property
    def test_folder(self) -> Path | None:
        """Of its newest test; None if it was not tested."""
        if (self.folder / TEST_FILE).is_file():
            return self.folder
        tests = [v for v in _versions(self.folder.parent / "test") if (v / TEST_FILE).is_file()]
        return tests[-1] if tests else None

    @cached_property
    def tested(self) -> ByInnerStep:
        """What that test found."""
        return {} if self.test_folder is None else read_curves(self.test_folder / TEST_FILE)


@dataclass(frozen=True)
class ComparedRun:
    """What has one line in a figure: a training, or several of the same with other seeds."""

    name: str
    members: Sequence[Member]


def find_runs(words: Sequence[str]) -> list[ComparedRun]:
    """The runs of ``RUN`` or ``NAME=RUN``; RUN is a folder, or the name of one below ``runs``.

    A run's newest version counts; of one with ``seed_K`` below it, each seed's.

    Raises:
        UserError: there is no such folder, no run in it, or a name comes twice.
    """
    found = [_run(word) for word in words]
    names = [run.name for run in found]
    if len(set(names)) < len(names):
        # Versions of one run are told apart by their number, others by their whole path.
        names = [_longer(run) if names.count(run.name) > 1 else run.name for run in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{twice} comes twice; give each run a name of its own, as A={twice}")
    return [ComparedRun(n, run.members) for n, run in zip(names, found, strict=True)]


def read_curves(path: Path) -> ByInnerStep:
    """What ``StepTable`` wrote.

    Raises:
        UserError: it is something else, or damaged.
    """
    curves: ByInnerStep = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, strict=True):
                line = curves.setdefault(row["metric"], {}).setdefault(row["solver"], [])
                if int(row["step"]) != len(line):
                    raise ValueError(f"step {row['step']} follows {len(line) - 1}")
                line.append(float(row["value"]))
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise UserError(
            f"{path}: no curves that lsr1 test writes ({error}); test the run again"
        ) from None
    return curves


def _run(word: str) -> ComparedRun:
    name, equals, rest = word.partition("=")
    given = Path(rest if equals and not Path(word).exists() else word)
    folder = given if given.is_dir() else ROOT / given
    if given.is_file():
        raise UserError(f"{given}: is a file; {_NEEDED}")
    if not folder.is_dir():
        known = sorted(path.name for path in ROOT.iterdir()) if ROOT.is_dir() else []
        there = f"; in {ROOT} are {', '.join(known)}" if known else ""
        raise UserError(f"{given}: no such folder; {_NEEDED}{there}{did_you_mean(given, known)}")
    members = _members(folder.resolve())
    if not members:
        raise UserError(f"{folder}: holds no version_K with a {METRICS_FILE}; {_NEEDED}")
    own = folder.resolve()
    plain = own.parent.name if _is_version(own) else own.name
    return ComparedRun(name if given != Path(word) else plain, members)


def _members(folder: Path) -> list[Member]:
    if _is_version(folder):
        return [Member(folder)]
    versions = [version for version in _versions(folder) if _is_version(version)]
    if versions:
        return [Member(versions[-1])]
    return [member for seed in _numbered(folder, "seed_") for member in _members(seed)]


def _is_version(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (METRICS_FILE, TEST_FILE))


def _versions(folder: Path) -> list[Path]:
    return _numbered(folder, "version_")


def _numbered(folder: Path, prefix: str) -> list[Path]:
    """Folders named by a prefix and a number, in the order of the numbers."""
    found: list[tuple[int, Any]] = []
    for path in folder.glob(f"{prefix}*"):
        number = path.name.removeprefix(prefix)
        if number.isdecimal() and path.is_dir():
            found.append((int(number), path))
    return [path for _, path in sorted(found)]


def _longer(run: ComparedRun) -> str:
    folder = run.members[0].folder
    return f"{folder.parent.name}/{folder.name}"
