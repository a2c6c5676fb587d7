"""A process that begins with what this one has loaded: torch and Lightning take seconds to load."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str


def in_a_fork(action: Callable[[], int], folder: Path) -> Ended:
    """Run ``action`` in ``folder``, in a fork that ends with the code that it gives.

    What it loads, defines or changes is unknown to this process and to other forks. Warnings are
    printed, as in a process that pytest has nothing to do with.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.chdir(folder)
                for number, file in ((1, out), (2, err)):
                    os.dup2(file.fileno(), number)
                sys.stdout, sys.stderr = (
                    io.TextIOWrapper(io.FileIO(number, "w", closefd=False), write_through=True)
                    for number in (1, 2)
                )
                warnings.resetwarnings()
                for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
                    warnings.simplefilter("ignore", kind)
                code = action()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for file in (out, err):
            file.seek(0)
        return Ended(code, out.read().decode(), err.read().decode())
