"""The motion store: a folder of memory-mapped ``.npy`` shards and their manifest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.motion.manifest import (
    MANIFEST,
    WIDTHS,
    Manifest,
    Recording,
    is_text,
    read_manifest,
)
from lsr1_pl.data.motion.shards import Floats, ShardedArray, ShardWriter, open_shard, sha256
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import locked, sweep, written_folder

ROWS_PER_SHARD = 262_144


@dataclass(frozen=True)
class Motion:
    """One recording to be stored; n frames."""

    name: str
    subject: str
    poses: NDArray[np.floating]
    """(n, 72) axis-angle in radians, root first."""
    fps: float | None
    """Frames a second; None if the source does not say."""
    source_frames: int
    """Frames in the source, before resampling."""
    betas: NDArray[np.floating] | None = None
    """(n, 10) shape coefficients."""
    trans: NDArray[np.floating] | None = None
    """(n, 3) root translation in metres."""
    gender: str | None = None
    seen: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    """What a camera adds: ``keypoints``, ``joints``, ``intrinsics``, ``valid`` (see ``WIDTHS``)."""

    def arrays(self) -> dict[str, NDArray[np.floating]]:
        """The arrays that are there, by their names in the store."""
        given = {"poses": self.poses, "betas": self.betas, "trans": self.trans, **self.seen}
        return {name: array for name, array in given.items() if array is not None}


class MotionStore:
    """Reader of a store; every shard is checked against the manifest on opening.

    Args:
        path: the store's folder.

    Raises:
        UserError: a manifest or shard that is missing, malformed or contradicts the other.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.manifest = read_manifest(self.path)
        self._arrays = {
            name: ShardedArray(
                [open_shard(self.path, shard, WIDTHS[name]) for shard in shards], WIDTHS[name]
            )
            for name, shards in self.manifest.shards.items()
        }

    def __len__(self) -> int:
        return self.manifest.rows

    def __repr__(self) -> str:
        return (
            f"MotionStore({str(self.path)!r}): {len(self.recordings)} recordings, {len(self)} rows"
        )

    def __reduce__(self) -> tuple[type[MotionStore], tuple[Path]]:
        # A worker process maps the files again; the default would copy their contents.
        return MotionStore, (self.path,)

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The recordings in row order."""
        return self.manifest.recordings

    @property
    def has_betas(self) -> bool:
        """Whether the store holds shape coefficients."""
        return "betas" in self._arrays

    @property
    def has_trans(self) -> bool:
        """Whether the store holds root translations."""
        return "trans" in self._arrays

    def poses(self, rows: NDArray[np.integer]) -> Floats:
        """(n,) row numbers in any order, repeats allowed -> (n, 72) axis-angle in radians.

        Raises:
            IndexError: a row below 0 or beyond the store.
        """
        return self._arrays["poses"].rows(rows)

    def betas(self, rows: NDArray[np.integer]) -> Floats:
        """(n,) row numbers -> (n, 10) shape coefficients; KeyError without :attr:`has_betas`."""
        return self._arrays["betas"].rows(rows)

    def trans(self, rows: NDArray[np.integer]) -> Floats:
        """(n,) row numbers -> (n, 3) metres; KeyError without :attr:`has_trans`."""
        return self._arrays["trans"].rows(rows)

    def seen(self, name: str, rows: NDArray[np.integer]) -> Floats:
        """(n,) row numbers -> (n, width) of what a camera saw; KeyError if the store has none."""
        return self._arrays[name].rows(rows)

    def verify(self) -> None:
        """Read every shard and compare its SHA-256 with the manifest's.

        Raises:
            UserError: a shard whose contents changed since it was written.
        """
        for shards in self.manifest.shards.values():
            for shard in shards:
                found = sha256(self.path / shard.file)
                if found != shard.sha256:
                    raise UserError(
                        f"{self.path / shard.file}: SHA-256 is {found}, the manifest says "
                        f"{shard.sha256}: the file was changed. Convert the source again."
                    )


def write_store(
    dst: str | os.PathLike[str],
    motions: Iterable[Motion],
    *,
    source: str,
    licence: str,
    rows_per_shard: int = ROWS_PER_SHARD,
    half: bool = False,
) -> MotionStore:
    """Write the motions, in their order, as a new store at ``dst``, or nothing at all.

    The folder is built under a temporary name beside ``dst`` and renamed at the end; memory holds
    one shard's rows and one motion at a time.

    Args:
        dst: a folder that is absent or empty.
        motions: all with the same optional arrays; each with its own frame rate.
        source: where the motions come from.
        licence: their terms and acknowledgement.
        rows_per_shard: largest number of rows in a shard file.
        half: keep half precision: a thousandth of a radian, in half of the space.

    Raises:
        UserError: ``dst`` is in use, another process writes there, the disk is full, there are no
            motions, or one has a wrong shape, a value that is not finite, a name used before or of
            characters that UTF-8 lacks, a frame rate of 0 or less, or other arrays than the first.
    """
    if rows_per_shard < 1:
        raise UserError(f"rows_per_shard is {rows_per_shard}; it must be at least 1")
    target = Path(dst)
    with locked(target, "a conversion"):
        return fill_store(
            target,
            motions,
            source=source,
            licence=licence,
            rows_per_shard=rows_per_shard,
            half=half,
        )


def fill_store(
    target: Path,
    motions: Iterable[Motion],
    *,
    source: str,
    licence: str,
    rows_per_shard: int,
    half: bool = False,
) -> MotionStore:
    """:func:`write_store` for a caller that holds ``target`` already."""
    _check_text("source", source)
    _check_text("licence", licence)
    sweep(target)
    with written_folder(target) as folder:
        recordings: list[Recording] = []
        names: set[str] = set()
        writers: dict[str, ShardWriter] = {}
        for motion in motions:
            _check_text("recording", motion.name)
            _check_text("subject", motion.subject)
            arrays = _checked_arrays(motion)
            writers = writers or {
                name: ShardWriter(folder, name, rows_per_shard, half) for name in arrays
            }
            _check_alike(motion, recordings[:1], set(writers))
            if motion.name in names:
                raise UserError(f"recording {motion.name!r} comes twice; names must be unique")
            names.add(motion.name)
            for name, array in arrays.items():
                writers[name].append(array)
            first_row = recordings[-1].first_row + recordings[-1].rows if recordings else 0
            recordings.append(
                Recording(
                    name=motion.name,
                    subject=motion.subject,
                    first_row=first_row,
                    rows=len(motion.poses),
                    fps=None if motion.fps is None else float(motion.fps),
                    source_frames=int(motion.source_frames),
                    gender=motion.gender,
                )
            )
        if not recordings:
            raise UserError(f"{target}: no recordings to write; the store would be empty")
        manifest = Manifest(
            source=source,
            licence=licence,
            recordings=tuple(recordings),
            shards={name: writer.finish() for name, writer in writers.items()},
        )
        (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return MotionStore(target)


def _check_text(what: str, text: str) -> None:
    if not is_text(text):
        raise UserError(f"{what} {text!r}: no text in UTF-8; spell it otherwise")


def _checked_arrays(motion: Motion) -> dict[str, Floats]:
    result = {}
    for name, array in motion.arrays().items():
        expected = (len(motion.poses), WIDTHS[name])
        if array.shape != expected or not array.size:
            raise UserError(
                f"recording {motion.name!r}: {name} is shaped {array.shape}; "
                f"expected (n, {WIDTHS[name]}) with the same n >= 1 for every array"
            )
        with np.errstate(over="ignore"):
            single = array.astype(np.float32)
        finite = np.isfinite(single).all(axis=1)
        if not finite.all():
            raise UserError(
                f"recording {motion.name!r}: {name} holds a value that is not finite in frame "
                f"{int(np.argmin(finite))}. Repair or leave out the recording."
            )
        result[name] = single
    return result


def _check_alike(motion: Motion, before: Sequence[Recording], arrays: set[str]) -> None:
    if motion.fps is not None and not motion.fps > 0:
        raise UserError(f"recording {motion.name!r} has {motion.fps} frames a second; must be > 0")
    if set(motion.arrays()) != arrays:
        raise UserError(
            f"recording {motion.name!r} has the arrays {sorted(motion.arrays())}, "
            f"{before[0].name!r} has {sorted(arrays)}: every recording needs the same ones"
        )
