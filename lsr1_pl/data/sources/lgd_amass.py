"""The ``AMASS.npz`` of LGD's preprocessing into a motion store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.motion.store import ROWS_PER_SHARD, Motion, write_store
from lsr1_pl.data.sources.amass import LICENCE
from lsr1_pl.data.sources.conversion import ConversionReport
from lsr1_pl.data.sources.lgd_files import (
    AMASS,
    POSE,
    SHAPE,
    check_finite,
    checked_headers,
    damaged,
)
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.npz_rows import npz_rows

Track = Callable[[Iterable[Any], int], Iterable[Any]]
"""Wraps the pieces that are read, and how many there are, to show progress."""

_MOST_EXPANSION = 20
"""Times its own size, beyond 256 MiB, that a compressed file may hold; real ones shrink to half."""


def convert_lgd_amass(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    fraction: float = 1.0,
    track: Track = lambda pieces, _: pieces,
) -> ConversionReport:
    """Convert the ``AMASS.npz`` of LGD's preprocessing into a motion store at ``dst``.

    Rows keep their order. The file does not say where a recording ends, nor its frames a second:
    a recording of the store is a run of rows with the same betas, 262,144 rows at most, and it is
    named by its first row (``person_0003/row_00120000``). Betas that come again are the same
    subject. LGD has turned y up already; its heading, -90 degrees about y from AMASS's, stays.

    Args:
        src: the file.
        dst: a folder that is absent or empty; written whole or not at all.
        fraction: share of the rows, in (0, 1], from the first one on, as the fractions of Table 2
            are in the authors' published code.
        track: shows progress.

    Raises:
        UserError: the file is no such file or is damaged, a value is not finite, the fraction is
            out of its range or holds no row, ``dst`` is in use, another process writes there, or
            the disk is full.
    """
    path = Path(src)
    if not 0 < fraction <= 1:
        raise UserError(f"--fraction is {fraction}; it must lie in (0, 1]")
    headers = checked_headers(path, AMASS)
    total = headers[POSE].shape[0]
    size = sum(headers[key].dtype.itemsize * total * headers[key].shape[1] for key in AMASS)
    if size > _MOST_EXPANSION * path.stat().st_size + 2**28:
        raise UserError(f"{path}: claims {size >> 20} MiB, far more than a file of its size holds")
    count = int(total * fraction)
    if not count:
        raise UserError(
            f"--fraction is {fraction}: of {total} rows that is none; name a larger one"
        )
    report = ConversionReport(source_frames=total)
    pieces = -(-count // ROWS_PER_SHARD)
    read = track(npz_rows(path, (POSE, SHAPE), count, ROWS_PER_SHARD), pieces)
    part = "all" if count == total else "the first"
    source = f"AMASS as LGD's preprocessing writes it, {part} {count} of {total} rows"
    write_store(dst, _motions(path, read, report), source=source, licence=LICENCE)
    return report


def _motions(
    path: Path, pieces: Iterable[tuple[NDArray[Any], ...]], report: ConversionReport
) -> Iterator[Motion]:
    people: dict[bytes, int] = {}
    first = 0
    for poses, betas in _sound(path, pieces):
        check_finite(path, POSE, poses, first)
        check_finite(path, SHAPE, betas, first)
        ends = np.flatnonzero((betas[1:] != betas[:-1]).any(axis=1)) + 1
        for begin, end in zip([0, *ends], [*ends, len(poses)], strict=True):
            person = people.setdefault(betas[begin].tobytes(), len(people))
            subject = f"person_{person:04d}"
            name = f"{subject}/row_{first + begin:08d}"
            report.read[name] = int(end - begin)
            yield Motion(
                name=name,
                subject=subject,
                poses=poses[begin:end],
                betas=betas[begin:end],
                fps=None,
                source_frames=int(end - begin),
            )
        first += len(poses)


def _sound(path: Path, pieces: Iterable[Any]) -> Iterator[Any]:
    """The pieces, whose reading fails with an error that names the file."""
    rest = iter(pieces)
    while True:
        try:
            piece = next(rest, None)
        except DAMAGED_ARRAYS as error:
            raise damaged(path, error) from None
        if piece is None:
            return
        yield piece
