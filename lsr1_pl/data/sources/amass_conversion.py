"""AMASS's archives, or the folders they unpack to, into one motion store: parallel, resumable."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any

import numpy as np

from lsr1_pl.data.motion.manifest import MANIFEST
from lsr1_pl.data.motion.store import ROWS_PER_SHARD, Motion, fill_store
from lsr1_pl.data.sources.amass import (
    KNOWN_BAD,
    LARGEST_FILE,
    LICENCE,
    AmassRecording,
    is_recording,
    read_recording,
    recording_name,
)
from lsr1_pl.data.sources.conversion import ConversionReport
from lsr1_pl.data.sources.parallel import in_parallel
from lsr1_pl.data.sources.source_files import entries, spelled
from lsr1_pl.ground.arrays import save_npy
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular, locked, written

_ARCHIVES = (".tar.bz2", ".tar.gz", ".tar.xz", ".tar")
_MOST_EXPANSION = 20
"""Times its own size, beyond 256 MiB, that an archive may hold as rows; real ones shrink."""

Track = Callable[[Iterable[Path], int], Iterable[Path]]
"""Wraps the units of work and their number, to show progress."""


def convert_amass(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    workers: int | None = None,
    track: Track = lambda units, _: units,
) -> ConversionReport:
    """Convert every recording under ``src`` into a motion store at ``dst``, frame by frame.

    Archives are read without being unpacked. Each archive, and each folder of recordings, is one
    unit of work; finished units stay in a folder beside ``dst`` until the store is whole, so that
    a conversion that was stopped goes on where it was.

    Args:
        src: a folder of AMASS's archives (``*.tar.bz2``), of its data sets, or of both.
        dst: a folder that is absent or empty; written whole or not at all.
        workers: processes; one a core if None.
        track: shows progress.

    Raises:
        UserError: nothing to convert, nothing that could be read, ``dst`` is in use, another
            process writes there, or the disk is full.
    """
    source, target = Path(src), Path(dst)
    if not source.is_dir():
        raise UserError(f"{source}: no such folder; expected AMASS's *.tar.bz2 files or data sets")
    report = ConversionReport()
    units = _units(source, report.refused)
    if not units:
        raise UserError(
            f"{source}: holds no *.tar.bz2, *_poses.npz or *_stageii.npz; "
            "download the data sets from https://amass.is.tue.mpg.de"
        )
    with locked(target, "a conversion"):
        _convert(source, target, units, report, workers, track)
    return report


def _convert(
    source: Path,
    target: Path,
    units: list[Path],
    report: ConversionReport,
    workers: int | None,
    track: Track,
) -> None:
    """:func:`convert_amass` for a destination that is held."""
    work = target.absolute().parent / f".{target.name}.converting"
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        if (target / MANIFEST).is_file():
            # A conversion that was killed at its very end has left its parts.
            shutil.rmtree(work, ignore_errors=True)
        raise UserError(f"{target}: exists and is not an empty folder. Name a new folder.")
    tasks = [(unit, source, work / f"{index:05d}") for index, unit in enumerate(units)]
    # An archive is worth a process of its own.
    processes = os.cpu_count() if workers is None else workers
    for _ in track(in_parallel(_convert_unit, tasks, processes), len(tasks)):
        pass
    parts = [part for _, _, part in tasks]
    motions = _motions(parts, report)
    first = next(motions, None)
    if first is None:
        reasons = "\n  ".join(f"{name}: {why}" for name, why in list(report.refused.items())[:5])
        raise UserError(f"{source}: no recording could be read:\n  {reasons}")

    def every() -> Iterator[Motion]:
        yield first
        yield from motions

    fill_store(target, every(), source="AMASS", licence=LICENCE, rows_per_shard=ROWS_PER_SHARD)
    shutil.rmtree(work, ignore_errors=True)


def _units(source: Path, refused: dict[str, str]) -> list[Path]:
    """Archives, and folders that hold recordings, in a fixed order; broken links are among them."""
    found = entries(source, refused)
    archives = {p for p in found if p.name.endswith(_ARCHIVES) and not p.is_dir()}
    folders = {p.parent for p in found if is_recording(p.name)}
    return sorted(archives | folders)


def _convert_unit(task: tuple[Path, Path, Path]) -> Path:
    """One unit into ``part.npy`` and ``part.json``; what is there already is left."""
    unit, source, part = task
    stamp = _stamp(unit)
    listing = part.with_suffix(".json")
    if _is_done(listing, stamp):
        return unit
    most = LARGEST_FILE + _MOST_EXPANSION * sum(size for _, size, _ in stamp[1])
    rows: list[Any] = []
    recordings: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    try:
        for path, file in _members(unit, source, skipped):
            if path.name in KNOWN_BAD:
                skipped[str(path)] = "known to be broken in AMASS itself"
                continue
            try:
                found = read_recording(file, str(path))
            except UserError as error:
                skipped[str(path)] = _reason(error, path)
                continue
            rows.append(_columns(found))
            if sum(part.nbytes for part in rows) > most:
                raise OSError("it holds far more than a file of its size can")
            name, subject = recording_name(path)
            recordings.append(
                {
                    "name": name,
                    "subject": subject,
                    "rows": len(found.poses),
                    "fps": found.fps,
                    "gender": found.gender,
                }
            )
    except (tarfile.TarError, OSError, EOFError) as error:
        skipped[spelled(unit.relative_to(source).as_posix())] = (
            f"damaged after {len(recordings)} recordings ({error}); download again"
        )
    except UserError as error:
        skipped[spelled(unit.relative_to(source).as_posix())] = _reason(error, unit)
    content = np.concatenate(rows) if rows else np.zeros((0, 82), np.float32)
    # A kill between the two must not leave an old listing beside other rows.
    listing.unlink(missing_ok=True)
    with written(part.with_suffix(".npy")) as partial:
        save_npy(partial, content)
    text = json.dumps({"stamp": stamp, "recordings": recordings, "skipped": skipped})
    with written(listing) as partial:
        partial.write_text(text, encoding="utf-8")
    return unit


def _is_done(listing: Path, stamp: list[Any]) -> bool:
    """Whether a unit was converted as it is; a listing that a power cut broke does not count."""
    try:
        return bool(json.loads(listing.read_text(encoding="utf-8"))["stamp"] == stamp)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _columns(found: AmassRecording) -> Any:
    betas = np.broadcast_to(found.betas, (len(found.poses), len(found.betas)))
    return np.concatenate([found.poses, betas], axis=1)


def _stamp(unit: Path) -> list[Any]:
    """What a unit was when it was converted: path, and names, sizes and times of its files."""
    files = sorted(unit.glob("*.npz")) if unit.is_dir() else [unit]
    return [str(unit), [[file.name, *_size_and_time(file)] for file in files]]


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _reason(error: UserError, path: PurePath) -> str:
    return str(error).removeprefix(f"{path}: ")


def _members(
    unit: Path, source: Path, skipped: dict[str, str]
) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    """The recordings of a unit: their path from the data set's folder on, and their contents.

    A file that cannot be opened goes to ``skipped``.
    """
    if unit.is_dir():
        for path in sorted(p for p in unit.iterdir() if is_recording(p.name)):
            relative = path.relative_to(source)
            # A user may name one data set's own folder.
            inside = PurePosixPath(
                *(relative.parts if len(relative.parts) > 1 else path.parts[-2:])
            )
            inside = PurePosixPath(spelled(str(inside)))
            try:
                check_regular(path)
                file = path.open("rb")
            except (OSError, UserError) as error:
                skipped[str(inside)] = str(error).removeprefix(f"{path}: ")
                continue
            with file:
                yield inside, file
        return
    check_regular(unit)
    with tarfile.open(unit, "r|*") as archive:
        # Read in memory, one at a time: nothing that an archive names is ever written.
        for member in archive:
            named = PurePosixPath(spelled(member.name))
            if not is_recording(named.name):
                continue
            inside = PurePosixPath(*(p for p in named.parts if p not in (".", "..", "/")))
            if not member.isfile():
                skipped[str(inside)] = "is a folder or a link in its archive; expected a file"
                continue
            if member.size > LARGEST_FILE:
                raise OSError(f"{member.name} claims {member.size} bytes")
            contents = archive.extractfile(member)
            if contents is not None:
                yield inside, contents


def _motions(parts: list[Path], report: ConversionReport) -> Iterator[Motion]:
    names: set[str] = set()
    for part in parts:
        listing = json.loads(part.with_suffix(".json").read_text(encoding="utf-8"))
        report.refused |= listing["skipped"]
        file = part.with_suffix(".npy")
        try:
            content = np.load(file, mmap_mode="r", allow_pickle=False)
        except DAMAGED_ARRAYS as error:
            raise UserError(
                f"{file}: this part of a stopped conversion is damaged ({error}); remove "
                f"{part.parent} and convert again"
            ) from None
        start = 0
        for recording in listing["recordings"]:
            rows = content[start : start + recording["rows"]]
            start += recording["rows"]
            if recording["name"] in names:
                report.refused[recording["name"]] = "comes twice; the first one was taken"
                continue
            names.add(recording["name"])
            report.read[recording["name"]] = len(rows)
            report.source_frames += len(rows)
            yield Motion(
                name=recording["name"],
                subject=recording["subject"],
                poses=rows[:, :72],
                betas=rows[:, 72:],
                fps=recording["fps"],
                source_frames=len(rows),
                gender=recording["gender"],
            )
