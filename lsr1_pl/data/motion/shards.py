"""Shards: an array of many rows, kept as several memory-mapped ``.npy`` files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.motion.manifest import Shard
from lsr1_pl.ground.arrays import save_npy
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular

Floats = NDArray[np.float32]


class ShardedArray:
    """Rows of several memory maps as one array."""

    def __init__(self, shards: Sequence[Floats], width: int) -> None:
        self._shards = shards
        self._starts = np.cumsum([0, *(len(shard) for shard in shards)])
        self._width = width

    def rows(self, rows: NDArray[np.integer]) -> Floats:
        """(n,) row numbers in any order -> (n, width): one fancy index a shard.

        Raises:
            IndexError: a row outside the array, or ``rows`` is not a 1-D integer array.
        """
        rows = np.asarray(rows)
        if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
            raise IndexError(f"rows must be a 1-D integer array, not {rows.dtype}{rows.shape}")
        total = int(self._starts[-1])
        if rows.size and not (rows.min() >= 0 and rows.max() < total):
            raise IndexError(f"row {rows.min()} or {rows.max()} is outside 0..{total - 1}")
        if len(self._shards) == 1:
            return np.asarray(self._shards[0][rows], np.float32)
        result = np.empty((len(rows), self._width), np.float32)
        owner = np.searchsorted(self._starts, rows, side="right") - 1
        for index in np.unique(owner):
            here = owner == index
            result[here] = self._shards[index][rows[here] - self._starts[index]]
        return result


@dataclass
class ShardWriter:
    """Cuts one array's rows into shard files."""

    folder: Path
    name: str
    rows_per_shard: int
    half: bool = False
    """Whether the files hold half precision."""
    shards: list[Shard] = field(default_factory=list)
    pending: list[Floats] = field(default_factory=list)

    def append(self, array: Floats) -> None:
        """Add (n, width) rows."""
        self.pending.append(array)
        while sum(map(len, self.pending)) >= self.rows_per_shard:
            rows = np.concatenate(self.pending)
            self._write(rows[: self.rows_per_shard])
            self.pending = [rows[self.rows_per_shard :]]

    def finish(self) -> tuple[Shard, ...]:
        """Write what is left; all shards in row order."""
        rows = np.concatenate(self.pending)
        if len(rows):
            self._write(rows)
        return tuple(self.shards)

    def _write(self, rows: Floats) -> None:
        file = f"{self.name}_{len(self.shards):05d}.npy"
        save_npy(self.folder / file, rows.astype(np.float16) if self.half else rows)
        self.shards.append(Shard(file, len(rows), sha256(self.folder / file)))


def open_shard(folder: Path, shard: Shard, width: int) -> Floats:
    """Memory-map one shard.

    Raises:
        UserError: the file is missing, unreadable, or no float32 or float16 shaped
            (shard.rows, width).
    """
    path = folder / shard.file
    mend = "Convert the source again, or restore the file from a complete copy."
    check_regular(path, missing=f"the manifest lists it. {mend}")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: not a readable .npy file ({error}). {mend}") from None
    expected = (shard.rows, width)
    if array.shape != expected or array.dtype not in (np.float32, np.float16):
        raise UserError(
            f"{path}: holds {array.dtype} shaped {array.shape}; "
            f"the manifest expects float32 or float16 shaped {expected}. {mend}"
        )
    return array


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
