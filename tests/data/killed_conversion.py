"""Run a converter in forks that kill themselves at random lines of its code.

A line of standard input names KIND, SRC, FOLDER and KILLS, as JSON. Kill number i works on
``FOLDER/killed_i``; last, one is killed half-way on ``FOLDER/again`` and the conversion run there
again to its end. Prints the kind once this is done. Fails unless the kills hit.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from lsr1_pl import data, ground
from lsr1_pl.data.sources.amass_conversion import convert_amass
from lsr1_pl.data.sources.conversion import convert_cmu
from lsr1_pl.data.sources.smpl import convert_smpl
from lsr1_pl.data.sources.threedpw import convert_3dpw

WATCHED = tuple(str(Path(room.__file__).parent) for room in (data, ground))
CONVERTERS: dict[str, Callable[[Path, Path], Any]] = {
    "cmu": lambda src, dst: convert_cmu(src, dst / "cmu"),
    "smpl": convert_smpl,
    "amass": lambda src, dst: convert_amass(src, dst / "amass", workers=1),
    "3dpw": lambda src, dst: convert_3dpw(src, dst / "3dpw", workers=1),
}


class Fuse:
    """Counts the lines that run of the code that converts and writes, and kills at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.kill_at = kill_at
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, argument: object) -> Fuse | None:
        if not frame.f_code.co_filename.startswith(WATCHED):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def run(convert: Callable[[Path, Path], Any], src: Path, dst: Path, kill_at: int | None) -> int:
    """Lines that ran in a fork; 0 if it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        fuse = Fuse(kill_at)
        try:
            sys.settrace(fuse)
            convert(src, dst)
            sys.settrace(None)
            os.write(writing, str(fuse.lines).encode())
        except Exception:
            traceback.print_exc()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    if os.WIFSIGNALED(status):
        return 0
    if not text:
        raise SystemExit("the conversion failed")
    return int(text)


def main(kind: str, src: Path, folder: Path, kills: int) -> None:
    """See the module."""
    # A fork has none of OpenMP's threads.
    torch.set_num_threads(1)
    convert = CONVERTERS[kind]
    lines = run(convert, src, folder / "whole", None)
    draw = random.Random(kind)
    for number in range(kills):
        # The last third of the lines is where files are written.
        first = 1 if number % 2 else lines * 2 // 3
        if run(convert, src, folder / f"killed_{number:02d}", draw.randrange(first, lines)):
            raise SystemExit("a kill did not hit")
    (folder / "again").mkdir(exist_ok=True)
    for number in range(kills):
        folder.joinpath(f"killed_{number:02d}").mkdir(exist_ok=True)
    if run(convert, src, folder / "again", lines // 2):
        raise SystemExit("a kill did not hit")
    run(convert, src, folder / "again", None)


if __name__ == "__main__":
    for line in sys.stdin:
        kind, src, folder, kills = json.loads(line)
        main(kind, Path(src), Path(folder), kills)
        print(kind, flush=True)
