"""Arrays of an npz that together are larger than memory: their rows, some at a time."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.ground.arrays import Header, npz_members, read_header

Array = NDArray[Any]


def npz_headers(path: Path) -> dict[str, Header]:
    """What the arrays of an npz are, none of which is read.

    Raises:
        ValueError: a header that claims more than there is, or an array of objects; and what else
            :data:`lsr1_pl.ground.errors.DAMAGED_ARRAYS` lists.
    """
    headers = {}
    with zipfile.ZipFile(path) as archive:
        for name, member in npz_members(archive).items():
            with archive.open(member) as stream:
                headers[name] = read_header(stream, member.file_size, name)
    return headers


def npz_rows(path: Path, names: Sequence[str], rows: int, size: int) -> Iterator[tuple[Array, ...]]:
    """The first rows of some arrays of an npz, side by side, ``size`` at a time.

    Args:
        path: the npz.
        names: of its arrays, each with ``rows`` rows or more.
        rows: how many are read.
        size: how many come at once; the last time fewer.

    Raises:
        ValueError: an array whose rows do not lie one after the other, or which ends early; and
            what else :data:`lsr1_pl.ground.errors.DAMAGED_ARRAYS` lists.
    """
    with ExitStack() as stack:
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = npz_members(archive, names)
        opened: list[tuple[IO[bytes], Header]] = []
        for name in names:
            stream = stack.enter_context(archive.open(members[name]))
            header = read_header(stream, members[name].file_size, name)
            if header.fortran_order and len(header.shape) > 1:
                raise ValueError(f"key '{name}' is in Fortran's order; expected C's")
            opened.append((stream, header))
        for first in range(0, rows, size):
            count = min(size, rows - first)
            yield tuple(_next_rows(stream, header, count) for stream, header in opened)
        for stream, _ in opened:
            # At its end the archive compares a member with its checksum.
            stream.read(1)


def _next_rows(stream: IO[bytes], header: Header, count: int) -> Array:
    shape = (count, *header.shape[1:])
    wanted = header.dtype.itemsize * math.prod(shape)
    content = stream.read(wanted)
    if len(content) < wanted:
        raise ValueError("it ends before its last row")
    return np.frombuffer(content, header.dtype).reshape(shape)
