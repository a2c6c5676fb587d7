"""AMASS's archives, or the folders they unpack to, into one motion store: parallel, resumable."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from lsr1_pl.data.amass import (
    KNOWN_BAD,
    LARGEST_FILE,
    LICENCE,
    AmassRecording,
    is_recording,
    read_recording,
    recording_name,
)
from lsr1_pl.data.conversion import ConversionReport
from lsr1_pl.data.manifest import MANIFEST
from lsr1_pl.data.parallel import in_parallel
from lsr1_pl.data.store import Motion, write_store
from lsr1_pl.ground.errors import UserError

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
        UserError: nothing to convert, nothing that could be read, or ``dst`` is in use.
    """
    source, target = Path(src), Path(dst)
    if not source.is_dir():
        raise UserError(f"{source}: no such folder; expected AMASS's *.tar.bz2 files or data sets")
    work = target.absolute().parent / f".{target.name}.converting"
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        if (target / MANIFEST).is_file():
            # A conversion that was killed at its very end has left its parts.
            shutil.rmtree(work, ignore_errors=True)
        raise UserError(f"{target}: exists and is not an empty folder. Name a new folder.")
    units = _units(source)
    if not units:
        raise UserError(
            f"{source}: holds no *.tar.bz2, *_poses.npz or *_stageii.npz; "
            "download the data sets from https://amass.is.tue.mpg.de"
        )
    work.mkdir(parents=True, exist_ok=True)
    tasks = [(unit, source, work / f"{index:05d}") for index, unit in enumerate(units)]
    # An archive is worth a process of its own.
    processes = os.cpu_count() if workers is None else workers
    for _ in track(in_parallel(_convert_unit, tasks, processes), len(tasks)):
        pass
    report = ConversionReport()
    parts = [part for _, _, part in tasks]
    motions = _motions(parts, report)
    first = next(motions, None)
    if first is None:
        reasons = "\n  ".join(f"{name}: {why}" for name, why in list(report.refused.items())[:5])
        raise UserError(f"{source}: no recording could be read:\n  {reasons}")

    def every() -> Iterator[Motion]:
        yield first
        yield from motions

    write_store(target, every(), source="AMASS", licence=LICENCE)
    shutil.rmtree(work)
    return report


def _units(source: Path) -> list[Path]:
    """Archives, and folders that hold recordings, in a fixed order."""
    files = [p for p in source.rglob("*") if p.is_file()]
    archives = {p for p in files if p.name.endswith(_ARCHIVES)}
    folders = {p.parent for p in files if is_recording(p.name)}
    return sorted(archives | folders)


def _convert_unit(task: tuple[Path, Path, Path]) -> Path:
    """One unit into ``part.npy`` and ``part.json``; what is there already is left."""
    unit, source, part = task
    stamp = _stamp(unit)
    listing = part.with_suffix(".json")
    if listing.is_file() and json.loads(listing.read_text(encoding="utf-8"))["stamp"] == stamp:
        return unit
    rows: list[Any] = []
    recordings: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    try:
        for path, file in _members(unit, source):
            if path.name in KNOWN_BAD:
                skipped[str(path)] = "known to be broken in AMASS itself"
                continue
            try:
                found = read_recording(file, str(path))
            except UserError as error:
                skipped[str(path)] = str(error).removeprefix(f"{path}: ")
                continue
            rows.append(_columns(found))
            if sum(part.nbytes for part in rows) > LARGEST_FILE + _MOST_EXPANSION * _bytes(unit):
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
        skipped[unit.name] = f"damaged after {len(recordings)} recordings ({error}); download again"
    content = np.concatenate(rows) if rows else np.zeros((0, 82), np.float32)
    with part.with_suffix(".npy.partial").open("wb") as file:
        np.save(file, content, allow_pickle=False)
    os.replace(part.with_suffix(".npy.partial"), part.with_suffix(".npy"))
    text = json.dumps({"stamp": stamp, "recordings": recordings, "skipped": skipped})
    part.with_suffix(".json.partial").write_text(text, encoding="utf-8")
    os.replace(part.with_suffix(".json.partial"), listing)
    return unit


def _columns(found: AmassRecording) -> Any:
    betas = np.broadcast_to(found.betas, (len(found.poses), len(found.betas)))
    return np.concatenate([found.poses, betas], axis=1)


def _bytes(unit: Path) -> int:
    files = unit.glob("*.npz") if unit.is_dir() else [unit]
    return sum(file.stat().st_size for file in files)


def _stamp(unit: Path) -> list[Any]:
    """What a unit was when it was converted: path, sizes and times."""
    files = sorted(unit.glob("*.npz")) if unit.is_dir() else [unit]
    return [str(unit), [[f.name, f.stat().st_size, f.stat().st_mtime_ns] for f in files]]


def _members(unit: Path, source: Path) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    """The recordings of a unit: their path from the data set's folder on, and their contents."""
    if unit.is_dir():
        for path in sorted(p for p in unit.iterdir() if is_recording(p.name)):
            relative = path.relative_to(source)
            # A user may name one data set's own folder.
            inside = PurePosixPath(
                *(relative.parts if len(relative.parts) > 1 else path.parts[-2:])
            )
            with path.open("rb") as file:
                yield inside, file
        return
    with tarfile.open(unit, "r|*") as archive:
        # Read in memory, one at a time: nothing that an archive names is ever written.
        for member in archive:
            named = PurePosixPath(member.name)
            if not member.isfile() or not is_recording(named.name):
                continue
            if member.size > LARGEST_FILE:
                raise OSError(f"{member.name} claims {member.size} bytes")
            contents = archive.extractfile(member)
            if contents is not None:
                kept = [part for part in named.parts if part not in (".", "..", "/")]
                yield PurePosixPath(*kept), contents


def _motions(parts: list[Path], report: ConversionReport) -> Iterator[Motion]:
    names: set[str] = set()
    for part in parts:
        listing = json.loads(part.with_suffix(".json").read_text(encoding="utf-8"))
        report.refused |= listing["skipped"]
        content = np.load(part.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
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
