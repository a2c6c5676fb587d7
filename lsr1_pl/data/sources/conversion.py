"""From a folder of recordings to a motion store, with a report of what was read and refused."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from lsr1_pl.body import load_body_model
from lsr1_pl.data.motion.store import Motion, write_store
from lsr1_pl.data.sources.bvh import read_bvh
from lsr1_pl.data.sources.cmu import ACKNOWLEDGEMENT, FPS, retarget
from lsr1_pl.data.sources.plausible import described, sound_pieces
from lsr1_pl.data.sources.source_files import entries, spelled
from lsr1_pl.ground.errors import UserError

Tracker = Callable[[Iterable[Path]], Iterable[Path]]
"""Wraps the files that are read, to show progress."""


@dataclass
class ConversionReport:
    """What a conversion did with each file of its source."""

    read: dict[str, int] = field(default_factory=dict)
    """File (AMASS and 3DPW: recording) -> frames in the store."""
    source_frames: int = 0
    """Frames in the files that were read."""
    refused: dict[str, str] = field(default_factory=dict)
    """File -> why it was left out."""
    impossible: dict[str, str] = field(default_factory=dict)
    """File that was read -> what some of its frames show that no body can do; they are left out."""


def convert_cmu(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    strict: bool = False,
    track: Tracker = lambda files: files,
) -> ConversionReport:
    """Convert every ``*.bvh`` under ``src`` into a motion store at ``dst``, at 30 frames a second.

    A recording's subject is its name up to the first underscore: ``02`` of ``02_01.bvh``. Poses
    are for the open body's skeleton. A broken file is refused and reported, the rest converted.
    Where another recording has the name already, the later one has its folder in its name
    (``b/02_01``); a copy is refused. Frames that show what no body can do are left out, and a
    recording with a gap becomes several: ``02_01``, ``02_01/2``.

    Args:
        src: a folder of CMU's recordings, whose first frames are T-poses.
        dst: a folder that is absent or empty; written whole or not at all.
        strict: let one broken file stop the conversion.
        track: wraps the files, to show progress.

    Raises:
        UserError: ``src`` holds no BVH file, none could be read, ``dst`` is in use, another process
            writes there, or the disk is full.
    """
    source = Path(src)
    report = ConversionReport()
    found = [path for path in entries(source, report.refused) if path.name.endswith(".bvh")]
    # The one that lies highest keeps the plain name.
    files = sorted(found, key=lambda path: (path.stem, len(path.parts), path))
    if not files:
        raise UserError(f"{source}: no *.bvh file there; expected a folder of BVH recordings")
    motions = _motions(files, source, report, strict, track)
    # The first motion is drawn before the store is begun: where none is sound, say why each fell.
    first = next(motions, None)
    if first is None:
        reasons = "\n  ".join(f"{name}: {why}" for name, why in list(report.refused.items())[:5])
        raise UserError(f"{source}: none of {len(files)} files could be read:\n  {reasons}")
    write_store(
        dst,
        _chain(first, motions),
        source="CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu), BVH",
        licence=ACKNOWLEDGEMENT,
    )
    return report


def _chain(first: Motion, rest: Iterator[Motion]) -> Iterator[Motion]:
    yield first
    yield from rest


def _motions(
    files: list[Path], source: Path, report: ConversionReport, strict: bool, track: Tracker
) -> Iterator[Motion]:
    body = load_body_model("open", dtype=torch.float64)
    rest = body.rest_joints(torch.zeros(1, body.num_betas, dtype=torch.float64))[0].numpy()
    taken: dict[str, Path] = {}
    for path in track(files):
        file, name = spelled(path.relative_to(source).as_posix()), spelled(path.stem)
        try:
            recording = read_bvh(path)
            poses, trans = retarget(recording, rest)
        except UserError as error:
            reason = str(error).removeprefix(str(path)).lstrip(":, ")
            if strict:
                raise UserError(f"{path}: {reason}") from None
            report.refused[file] = reason
            continue
        if name in taken:
            if filecmp.cmp(path, taken[name], shallow=False):
                report.refused[file] = f"is a copy of {spelled(str(taken[name]))}, which was read"
                continue
            name = file.removesuffix(".bvh")
        if name in taken:
            report.refused[file] = f"has the name of {spelled(str(taken[name]))}, which was read"
            continue
        pieces, faults = sound_pieces(poses, FPS)
        if not pieces:
            report.refused[file] = f"shows what no body can do: {described(faults)}"
            continue
        taken[name] = path
        kept = sum(piece.stop - piece.start for piece in pieces)
        if faults:
            report.impossible[file] = f"{described(faults)}; {len(poses) - kept} left out"
        report.read[file] = kept
        report.source_frames += len(recording.frames)
        for number, piece in enumerate(pieces, 1):
            rows = piece.stop - piece.start
            yield Motion(
                name=name if number == 1 else f"{name}/{number}",
                subject=spelled(path.stem).split("_")[0],
                poses=poses[piece],
                fps=FPS,
                source_frames=round(len(recording.frames) * rows / len(poses)),
                trans=trans[piece],
            )
