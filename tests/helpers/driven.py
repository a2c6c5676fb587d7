"""A script that works through lines in one process, since its start takes longest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from forks import talking

Ask = Callable[..., str]
"""Takes what one try needs, and gives the line that the script answers."""


@contextmanager
def driven(script: Path) -> Iterator[Ask]:
    """The script, for as long as the context lasts; it ends with its input."""
    with talking(script) as (given, answers):

        def ask(*words: str | int) -> str:
            print(json.dumps(words), file=given, flush=True)
            return answers.readline()

        yield ask
