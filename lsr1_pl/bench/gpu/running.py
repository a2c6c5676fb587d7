"""One part in a process of its own, which is stopped when its time is over."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from lsr1_pl.bench.gpu.parts import PARTS, Measurement, Row, Setting
from lsr1_pl.ground.files import written

STOPPED = "stopped: its time was over"


@dataclass
class Outcome:
    """What is known of a part: also while it runs, and after it was stopped."""

    device: str
    """The name of the card, or ``cpu``."""
    fast: bool
    limit: float
    """Seconds that the part may take."""
    ended: str = "running"
    """``whole``, that it was stopped, or what else ended it."""
    seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def errors(self) -> int:
        """Measurements that failed."""
        return sum("error" in row for row in self.rows)

    def keep(self, path: Path) -> None:
        """Write it, whole or not at all."""
        with written(path) as partial:
            partial.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def kept(path: Path) -> Outcome | None:
    """The outcome in a file that :meth:`Outcome.keep` wrote; None where there is none."""
    with suppress(OSError, ValueError, TypeError):
        return Outcome(**json.loads(path.read_text(encoding="utf-8")))
    return None


def run_part(name: str, setting: Setting, path: Path) -> Outcome:
    """Run a part into the file ``path``, at most ``setting.seconds``; it fails alone.

    The file holds every measurement as soon as it is known.
    """
    Outcome(card(setting.device), setting.fast, setting.seconds).keep(path)
    context = multiprocessing.get_context("forkserver")
    # The server loads the package once. It never touches the GPU: a fork could not use it then.
    context.set_forkserver_preload([__name__, "lsr1_pl.bench.gpu.catalogue"])
    process = context.Process(target=_in_process, args=(name, setting, path))
    started = time.monotonic()
    process.start()
    try:
        process.join(setting.seconds)
        ended = STOPPED if process.is_alive() else _how_it_ended(process.exitcode)
    finally:
        # The process first: before it has a group of its own, there is no group to end.
        process.kill()
        _end_group(process.pid)
        process.join()
    outcome = kept(path)
    assert outcome is not None
    if outcome.ended == "running":
        outcome.ended = ended
    outcome.seconds = time.monotonic() - started
    outcome.keep(path)
    return outcome


def measure_all(name: str, setting: Setting, path: Path) -> None:
    """Every measurement of a part, in this process; one that fails leaves its error in its row."""
    outcome = Outcome(card(setting.device), setting.fast, setting.seconds)
    try:
        for measurement in PARTS[name].measurements(name, setting):
            outcome.rows.append({"what": measurement.what, **_measured(measurement)})
            outcome.keep(path)
        outcome.ended = "whole"
    except Exception as error:  # What the lines have in common could not be made.
        outcome.ended = f"failed: {_in_words(error)}"
    outcome.keep(path)


def _measured(measurement: Measurement) -> Row:
    try:
        return measurement.measure()
    except Exception as error:  # Whatever it is, the next line is still worth its time.
        return {"error": _in_words(error)}


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def card(device: str) -> str:
    """The name of the device, for people to read."""
    return torch.cuda.get_device_name() if device == "cuda" else device


def _in_process(name: str, setting: Setting, path: Path) -> None:
    # A group of its own, so that what it starts ends with it.
    os.setsid()
    measure_all(name, setting, path)


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"failed: ended by {signal.Signals(-exitcode).name}"
    return f"failed: ended with exit code {exitcode}"


def _end_group(group: int | None) -> None:
    if group is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def columns_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """All columns of a part, in the order in which they first come; errors last."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "error"))
    return [*names, "error"] if any("error" in row for row in rows) else names
