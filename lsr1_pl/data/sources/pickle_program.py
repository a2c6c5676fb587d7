"""What a pickle's program would do to memory, found before it runs."""

from __future__ import annotations

import mmap
import pickletools
from typing import IO, cast


class RefusedError(Exception):
    """What a pickle asks for is not on the allow-list."""


def check_program(file: IO[bytes]) -> None:
    """Refuse a number of the memo that is past its end: Python would make room up to there.

    Raises:
        RefusedError: there is one.
        ValueError: it is no pickle.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(cast(IO[bytes], program))):
            if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > count:
                raise RefusedError("it numbers its parts beyond their count")
