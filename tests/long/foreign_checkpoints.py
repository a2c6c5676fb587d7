"""Checkpoints of random configs and states: none may write, connect or run anything.

    python tests/long/foreign_checkpoints.py --cases 2000 --folder FOLDER

A sound checkpoint of a small training is changed: classes and functions of every package at hand
with an argument that looks like a place (path, dir, file, url...) are put where a class may stand,
with places to write to; places stand in arguments that are there; and Lightning's state gets
places, other kinds of values, or loses parts. Then ``fit``, ``test``, ``validate`` or ``export``
takes it, as the checkpoint of a whole downloaded run or alone, in a process whose audit hook notes
(and stops) whatever is opened for writing, made, moved or removed outside the run's folder, each
connection and each program. The command must end with 0 or 2. Prints one JSON object; exits with 1
if there is anything.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from foreign_cases import Named, case, things
from kills import FIT, SMALL

from lsr1_pl.cli import main as command
from lsr1_pl.pretrained import read_checkpoint

CHUNK = 100
SECONDS = 60
_FORBIDDEN = (
    *(
        "socket.connect",
        "socket.bind",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
    ),
    *("os.fork", "os.forkpty", "pty.spawn", "webbrowser.open", "ftplib.connect", "smtplib.connect"),
)
_CHANGES_FILES = (
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile"),
    *("shutil.copytree", "shutil.make_archive", "shutil.unpack_archive"),
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _Watch:
    """An audit hook: while it is on, what is done outside a folder is noted and stopped."""

    def __init__(self) -> None:
        self.inside, self.on, self.seen = "", False, list[str]()
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        what = ""
        if event in _FORBIDDEN:
            what = f"{event} {arguments[:2]}"
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            if (arguments[2] or 0) & _WRITES and self._outside(arguments[0]):
                what = f"wrote to {os.fsdecode(arguments[0])}"
        elif event in _CHANGES_FILES:
            places = [a for a in arguments[:2] if isinstance(a, (str, bytes, os.PathLike))]
            # rmtree removes by names in an open folder; its own event comes before.
            dir_fd = event in ("os.remove", "os.rmdir") and arguments[-1] not in (None, -1)
            if not dir_fd and any(self._outside(place) for place in places):
                what = f"{event} {[os.fsdecode(place) for place in places]}"
        if what:
            self.seen.append(what[:200])
            raise PermissionError(f"stopped: {what}")

    def _outside(self, place: Any) -> bool:
        path = os.path.realpath(os.fsdecode(place))
        return path != "/dev/null" and not (path + "/").startswith(self.inside + "/")


def _too_slow(*_: Any) -> None:
    raise TimeoutError("too slow")


def _work(numbers: range, seed: int, all_: list[Named], work: Path, out: Connection) -> None:
    warnings.simplefilter("ignore")
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true")
    sound = read_checkpoint(work / "sound" / "checkpoints" / "last.ckpt")
    # A power cut is no part of this, and waiting for the disk takes most of the time.
    os.fsync = lambda descriptor: None
    watch = _Watch()
    signal.signal(signal.SIGALRM, _too_slow)
    for number in numbers:
        run, victim = work / "run", work / "victim"
        for folder in (run, victim):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        (victim / "deep").mkdir()
        for name in ("good", "good.ckpt", "good.json", "deep/file"):
            (victim / name).write_text("precious")
        words, did = case(number, seed, sound, all_, work)
        os.chdir(run)
        watch.inside, watch.seen = str(run), []
        quiet = io.StringIO()
        signal.alarm(SECONDS)
        ended: Any
        try:
            with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                watch.on = True
                ended = command(words)
        except BaseException as error:
            ended = f"{type(error).__name__}: {error}"
        finally:
            watch.on = False
            signal.alarm(0)
        os.chdir(work)
        left = {str(p.relative_to(victim)) for p in victim.rglob("*")}
        whole = {"good", "good.ckpt", "good.json", "deep", "deep/file"}
        seen = [*watch.seen, *(["the victim's folder changed"] if left != whole else [])]
        out.send((number, words[0], did, ended, seen))


def run(
    cases: int, seed: int, folder: Path, progress: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Make the sound checkpoint, and take all cases; what was found."""
    work = folder.resolve()
    work.mkdir(parents=True)
    before = Path.cwd()
    os.chdir(work)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            command([*FIT, *SMALL])
    finally:
        os.chdir(before)
    shutil.move(work / "runs" / "quadratics" / "version_0", work / "sound")
    # Some modules print when they are imported.
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        all_ = things()
    begun = time.perf_counter()
    ends: Counter[str] = Counter()
    broken: dict[str, list[str]] = {}
    context = multiprocessing.get_context("fork")
    number = 0
    while number < cases:
        reading, writing = context.Pipe(duplex=False)
        numbers = range(number, min(number + CHUNK, cases))
        child = context.Process(target=_work, args=(numbers, seed, all_, work, writing))
        child.start()
        writing.close()
        while True:
            try:
                at, verb, did, ended, seen = reading.recv()
            except EOFError:
                break
            number = at + 1
            # An error that the hook raised is what was found, not how the command ends.
            sound = ended in (0, 2)
            ends[f"{verb} {ended}" if sound else f"{verb} fell"] += 1
            if seen or not sound:
                kind = "; ".join(seen[:2]) if seen else str(ended)
                broken.setdefault(kind[:200], []).append(f"{at}: {verb}, {', '.join(did)}")
        child.join()
        if number < numbers.stop:
            broken.setdefault(f"died with code {child.exitcode}", []).append(str(number))
            number += 1
        if progress is not None:
            progress(f"{number} cases, {sum(map(len, broken.values()))} broken")
    return {
        "cases": cases,
        "things": len(all_),
        "ends": dict(sorted(ends.items())),
        "broken": sum(map(len, broken.values())),
        "how": {key: found[:3] for key, found in sorted(broken.items())},
        "seed": seed,
        "seconds": round(time.perf_counter() - begun, 1),
    }


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="is made")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = run(
        options.cases,
        options.seed,
        options.folder,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(json.dumps(found, indent=1))
    return 1 if found["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
