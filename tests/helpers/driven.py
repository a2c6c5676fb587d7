"""A script that works through lines in one process, since its start takes longest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Ask = Callable[..., str]
"""Takes what one try needs, and gives the line that the script answers."""


@contextmanager
def driven(script: Path) -> Iterator[Ask]:
    """The script, for as long as the context lasts; it ends with its input."""
    pipe = subprocess.PIPE
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given, answers = process.stdin, process.stdout

        def ask(*words: str | int) -> str:
            print(json.dumps(words), file=given, flush=True)
            return answers.readline()

        yield ask
        process.communicate()
