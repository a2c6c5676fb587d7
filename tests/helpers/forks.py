"""A process that begins with what this one has loaded: torch and Lightning take seconds to load."""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str


class Talk(NamedTuple):
    """The two ends of a script that reads lines and answers."""

    given: TextIO
    answers: TextIO


def in_a_fork(action: Callable[[], int], folder: Path) -> Ended:
    """Run ``action`` in ``folder``, in a fork that ends with the code that it gives.

    What it loads, defines or changes is unknown to this process and to other forks. Warnings are
    printed, as in a process that pytest has nothing to do with.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:

        def run() -> int:
            os.chdir(folder)
            os.dup2(err.fileno(), 2)
            warnings.resetwarnings()
            for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
                warnings.simplefilter("ignore", kind)
            return action()

        child = _forked(run, out.fileno())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for file in (out, err):
            file.seek(0)
        return Ended(code, out.read().decode(), err.read().decode())


@contextmanager
def talking(script: Path) -> Iterator[Talk]:
    """A script in a fork, for as long as the context lasts; it ends with its input."""
    reads, given = os.pipe()
    answers, writes = os.pipe()

    def run() -> int:
        os.close(given)
        os.dup2(reads, 0)
        sys.stdin = os.fdopen(0, closefd=False)
        runpy.run_path(str(script), run_name="__main__")
        return 0

    child = _forked(run, writes)
    os.close(reads)
    os.close(writes)
    with os.fdopen(answers) as heard:
        with os.fdopen(given, "w", buffering=1) as said:
            yield Talk(said, heard)
        os.waitpid(child, 0)


def _forked(action: Callable[[], int], out: int) -> int:
    """The id of a child that writes to ``out`` and ends with the code of ``action``, or 99."""
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads; pytest-xdist's holds no lock of ours.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 99
        try:
            os.dup2(out, 1)
            # Not pytest's, which keep what is written in files.
            sys.stdout, sys.stderr = (
                os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2)
            )
            code = action()
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child
