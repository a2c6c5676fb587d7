"""Run a converter in forks whose files may not grow beyond a size, as on a disk that is full.

A line of standard input names KIND, SRC and FOLDER, as JSON. For each, ``FOLDER/sound/out`` is
converted first, without a limit; then ``FOLDER/LIMIT/out`` for limits below the size of each file
that was written, and the same again without a limit. Prints a JSON object in a line: limit -> exit
code, message, what is left, whether a part is whole (has a listing), the files that a second try
used again, and its code.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import torch

from lsr1_pl.cli import main as command
from lsr1_pl.data.sources import amass_conversion


def run(kind: str, src: Path, dst: Path, limit: int | None, keep: bool = False) -> tuple[int, str]:
    """Exit code and messages of the command in a fork; 99 if it ends in a traceback."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        code = 99
        try:
            if keep:
                amass_conversion.shutil.rmtree = lambda *_, **__: None  # type: ignore[assignment]
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            workers = ["--workers", "1"] if kind in ("amass", "3dpw") else []
            code = command(["data", "convert", kind, str(src), str(dst), *workers])
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), text


def files(folder: Path) -> dict[str, os.stat_result]:
    """Every file below, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.stat() for path in folder.rglob("*") if path.is_file()
    }


def main(kind: str, src: Path, folder: Path) -> dict[int, Any]:
    """See the module."""
    torch.set_num_threads(1)
    sound = folder / "sound"
    code, text = run(kind, src, sound / "out", None, keep=True)
    if code != 0:
        raise SystemExit(text)
    sizes = {found.st_size for found in files(sound).values()}
    limits = sorted({1, *(size // 2 for size in sizes), *(size - 1 for size in sizes)} - {0})
    results: dict[int, Any] = {}
    for limit in limits:
        place = folder / str(limit)
        place.mkdir()
        code, text = run(kind, src, place / "out", limit)
        left = files(place)
        times = {name: found.st_mtime_ns for name, found in left.items()}
        used: list[str] = []
        if kind == "amass":
            again, more = run(kind, src, place / "out", None, keep=True)
            now = files(place)
            used = [name for name in times if now[name].st_mtime_ns == times[name]]
        else:
            again, more = run(kind, src, place / "out", None)
        results[limit] = {
            "code": code,
            "message": text,
            "left": sorted(left),
            "listed": {name: str(Path(name).with_suffix(".json")) in left for name in left},
            "used": sorted(used),
            "again": again if again == 0 else more,
        }
    return results


if __name__ == "__main__":
    for line in sys.stdin:
        kind, src, folder = json.loads(line)
        with contextlib.redirect_stdout(io.StringIO()):
            found = main(kind, Path(src), Path(folder))
        print(json.dumps(found), flush=True)
