"""From a folder of recordings to a motion store, with a report of what was read and refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from lsr1_pl.body import load_body_model
from lsr1_pl.data.bvh import read_bvh
from lsr1_pl.data.cmu import ACKNOWLEDGEMENT, FPS, retarget
from lsr1_pl.data.store import Motion, write_store
from lsr1_pl.ground.errors import UserError

Tracker = Callable[[Iterable[Path]], Iterable[Path]]
"""Wraps the files that are read, to show progress."""


@dataclass
class ConversionReport:
    """What a conversion did with each file of its source."""

    read: dict[str, int] = field(default_factory=dict)
    """File -> frames in the store."""
    source_frames: int = 0
    """Frames in the files that were read."""
    refused: dict[str, str] = field(default_factory=dict)
    """File -> why it was left out."""


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

    Args:
        src: a folder of CMU's recordings, whose first frames are T-poses.
        dst: a folder that is absent or empty; written whole or not at all.
        strict: let one broken file stop the conversion.
        track: wraps the files, to show progress.

    Raises:
        UserError: ``src`` holds no BVH file, none could be read, or ``dst`` is in use.
    """
    source = Path(src)
    files = sorted(source.rglob("*.bvh"), key=lambda path: (path.stem, path))
    if not files:
        raise UserError(f"{source}: no *.bvh file there; expected a folder of BVH recordings")
    report = ConversionReport()
    motions = _motions(files, report, strict, track)
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
    files: list[Path], report: ConversionReport, strict: bool, track: Tracker
) -> Iterator[Motion]:
    body = load_body_model("open", dtype=torch.float64)
    rest = body.rest_joints(torch.zeros(1, body.num_betas, dtype=torch.float64))[0].numpy()
    first: dict[str, Path] = {}
    for path in track(files):
        if path.stem in first:
            report.refused[str(path)] = f"has the name of {first[path.stem]}, which was read"
            continue
        try:
            recording = read_bvh(path)
            poses, trans = retarget(recording, rest)
        except UserError as error:
            reason = str(error).removeprefix(str(path)).lstrip(":, ")
            if strict:
                raise UserError(f"{path}: {reason}") from None
            report.refused[path.name] = reason
            continue
        first[path.stem] = path
        report.read[path.name] = len(poses)
        report.source_frames += len(recording.frames)
        yield Motion(
            name=path.stem,
            subject=path.stem.split("_")[0],
            poses=poses,
            fps=FPS,
            source_frames=len(recording.frames),
            trans=trans,
        )
