"""Mutation fuzzing of every reader of files that may come from elsewhere.

    python tests/long/fuzz_readers.py --inputs 20000 --folder FOLDER

Sound files of each kind are changed: bits flipped, bytes set, cut, repeated, spliced; numbers and
words of headers and texts replaced; and, in archives, a member's contents changed and its checksum
mended. A reader must return, or raise a ``UserError``, within 30 seconds. It runs in a process of
its own, whose addresses may grow by 2 GiB at most, and which may not open a connection, start a
program or write outside its folder; the death of that process counts as found. Prints one JSON
object, keeps what broke a reader in ``FOLDER/found``, and exits with 1 if there is any.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fuzz_kinds import Kind, kinds
from fuzz_mutations import mutated

from lsr1_pl.ground.errors import UserError

GROWTH = 2**31
SECONDS = 30
CHUNK = 500
_FORBIDDEN = ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _TooSlow(BaseException):
    pass


def _watch(folder: Path, forbidden: list[str]) -> None:
    """Notes what this process does that a reader may not."""
    inside = str(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN:
            forbidden.append(f"{event} {arguments[:2]}")
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            path, flags = os.path.abspath(os.fsdecode(arguments[0])), arguments[2] or 0
            if flags & _WRITES and not path.startswith((inside, "/dev/")):
                forbidden.append(f"wrote to {path}")
        elif event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"):
            path = os.path.abspath(os.fsdecode(arguments[0]))
            # rmtree removes by names in an open folder, which have no path.
            if os.path.isabs(os.fsdecode(arguments[0])) and not path.startswith(inside):
                forbidden.append(f"{event} {path}")

    sys.addaudithook(hook)


def _limit() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + GROWTH
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _alarm(*_: Any) -> None:
    raise _TooSlow


def _work(name: str, kind: Kind, numbers: range, seed: int, folder: Path, out: Connection) -> None:
    """Read inputs; after each, send its number, how it ended and this process' largest size."""
    warnings.simplefilter("ignore")
    forbidden: list[str] = []
    os.chdir(folder)
    signal.signal(signal.SIGALRM, _alarm)
    _watch(folder, forbidden)
    _limit()
    for number in numbers:
        path = folder / kind.file
        path.parent.mkdir(parents=True, exist_ok=True)
        draw = random.Random(f"{seed} {name} {number}")
        sound = number < len(kind.samples)
        sample = kind.samples[number] if sound else draw.choice(kind.samples)
        # The first ones stay as they are: what cannot be read is no start.
        path.write_bytes(kind.pack(sample if sound else mutated(sample, kind.samples, draw)))
        out.send((number, "begun", 0))
        signal.alarm(SECONDS)
        ended = "read"
        try:
            kind.read(folder)
        except UserError:
            ended = "named"
        except _TooSlow:
            ended = "too slow"
        except BaseException as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            ended = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}: {error}"
        finally:
            signal.alarm(0)
        if forbidden:
            ended = f"did {forbidden[0]}"
            forbidden.clear()
        if sound and ended != "read":
            ended = f"a sound file was not read: {ended}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        out.send((number, ended[:300], peak))


def fuzz(name: str, kind: Kind, inputs: int, seed: int, work: Path, found: Path) -> dict[str, Any]:
    """All inputs of one reader."""
    folder = work / name.replace(" ", "_")
    ends: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    context = multiprocessing.get_context("fork")
    next_one, grown, begun = 0, 0, time.perf_counter()
    while next_one < inputs:
        shutil.rmtree(folder, ignore_errors=True)
        if kind.beside is not None:
            shutil.copytree(kind.beside, folder)
        folder.mkdir(parents=True, exist_ok=True)
        reading, writing = context.Pipe(duplex=False)
        numbers = range(next_one, min(next_one + CHUNK, inputs))
        child = context.Process(target=_work, args=(name, kind, numbers, seed, folder, writing))
        child.start()
        writing.close()
        number, ended, least = next_one - 1, "", None
        while True:
            try:
                number, ended, peak = reading.recv()
            except EOFError:
                break
            if ended == "begun":
                continue
            least = peak if least is None else least
            grown = max(grown, peak - least)
            sound = ended in ("read", "named")
            ends[ended if sound else "broken"] += 1
            if not sound:
                broken[ended] += 1
                _keep(found, name, number, folder / kind.file, ended)
        child.join()
        if ended == "begun" or number + 1 < numbers.stop:
            ends["broken"] += 1
            broken[f"died with code {child.exitcode}"] += 1
            _keep(found, name, number, folder / kind.file, f"died {child.exitcode}")
        # A process that died before it began an input must not stop the rest.
        next_one = max(number, next_one) + 1
    return {
        "inputs": sum(ends.values()),
        **ends,
        "grown_mib": grown >> 10,
        "seconds": round(time.perf_counter() - begun, 1),
        **({"how": dict(broken.most_common(20))} if broken else {}),
    }


def _keep(found: Path, name: str, number: int, path: Path, why: str) -> None:
    found.mkdir(parents=True, exist_ok=True)
    kept = found / f"{name.replace(' ', '_')}_{number:06d}{path.suffix}"
    if path.is_file():
        shutil.copyfile(path, kept)
    kept.with_name(kept.name + ".txt").write_text(why + "\n", encoding="utf-8")


def run(inputs: int, seed: int, folder: Path, only: list[str] | None = None) -> dict[str, Any]:
    """Fuzz every reader; what broke one is kept in ``folder/found``."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    results = {}
    for name, kind in kinds(work).items():
        if only is None or name in only:
            count = max(1, round(inputs * kind.share))
            results[name] = fuzz(name, kind, count, seed, work / "run", folder / "found")
            print(name, json.dumps(results[name]), file=sys.stderr, flush=True)
    shutil.rmtree(work)
    return results


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000, help="of a reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="for what is found")
    parser.add_argument("--only", nargs="*", help="names of readers")
    options = parser.parse_args()
    results = run(options.inputs, options.seed, options.folder.resolve(), options.only)
    print(json.dumps(results, indent=1))
    return 1 if any("how" in result for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
