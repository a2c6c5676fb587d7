"""From a folder of recordings to a motion store, with a report of what was read and refused."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from lsr1_pl.body import load_body_model
from lsr1_pl.data.motion.store import Motion, write_store
from lsr1_pl.data.sources.asf_amc import read_amc, read_asf, skeleton_of
from lsr1_pl.data.sources.bvh import BVH, read_bvh
from lsr1_pl.data.sources.plausible import described, sound_pieces
from lsr1_pl.data.sources.skeletons.built_in import BUILT_IN, CMU_MAPS
from lsr1_pl.data.sources.skeletons.joint_map import JointMap
from lsr1_pl.data.sources.skeletons.map_files import map_for, named_map
from lsr1_pl.data.sources.skeletons.retarget import retarget
from lsr1_pl.data.sources.source_files import entries, spelled
from lsr1_pl.ground.errors import UserError

Tracker = Callable[[Iterable[Path]], Iterable[Path]]
"""Wraps the files that are read, to show progress."""
CMU_ACKNOWLEDGEMENT = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. The database was created "
    "with funding from NSF EIA-0196217. It may be copied, modified and redistributed without "
    "permission; it may not be resold as such."
)
_SUFFIXES = (".bvh", ".amc")
_AMC_FPS = 120.0
"""Of AMC files, which do not say it: CMU's and HDM05's."""


@dataclass
class ConversionReport:
    """What a conversion did with each file of its source."""

    read: dict[str, int] = field(default_factory=dict)
    """File (AMASS and 3DPW: recording) -> frames in the store."""
    source_frames: int = 0
    """Frames in the files that were read."""
    refused: dict[str, str] = field(default_factory=dict)
    """File -> why it was left out."""
    left_out: dict[str, str] = field(default_factory=dict)
    """File that was read -> why some of its frames were left out: what they show no body can do."""
    read_as: dict[str, int] = field(default_factory=dict)
    """How files were read (map, vertical axis, unit) -> number of files."""


def convert_cmu(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    fps: float | None = None,
    strict: bool = False,
    track: Tracker = lambda files: files,
) -> ConversionReport:
    """Convert every ``*.bvh`` and ``*.amc`` of CMU's under ``src`` into a motion store at ``dst``.

    CMU's own ASF and AMC files are read, and its BVH files in each form in which they are handed
    on. A recording's subject is its name up to the first underscore: ``02`` of ``02_01.bvh``. All
    else is as in :func:`convert_mocap`.

    Args:
        src: a folder of CMU's recordings.
        dst: a folder that is absent or empty; written whole or not at all.
        fps: the files' frames a second, where their own frame time is wrong.
        strict: let one broken file stop the conversion.
        track: wraps the files, to show progress.

    Raises:
        UserError: ``src`` holds no recording, none could be read, ``dst`` is in use, another
            process writes there, or the disk is full.
    """
    source = "CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu)"
    reader = _Reader(Path(src), fps, CMU_MAPS, guess=False)
    return _convert(reader, dst, source, CMU_ACKNOWLEDGEMENT, strict, track)


def convert_mocap(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    joint_map: str | None = None,
    fps: float | None = None,
    licence: str = "as its source says",
    strict: bool = False,
    track: Tracker = lambda files: files,
) -> ConversionReport:
    """Convert every ``*.bvh`` and ``*.amc`` under ``src`` into a motion store at ``dst``.

    Poses are for the open body's skeleton, at 30 frames a second. A broken file is refused and
    reported, the rest converted. Where another recording has the name already, the later one has
    its folder in its name (``b/02_01``); a copy is refused. Frames that show what no body can do
    are left out, and a recording with a gap becomes several: ``02_01``, ``02_01/2``.

    Args:
        src: a folder of recordings, at any depth; an AMC file needs its ASF file beside it.
        dst: a folder that is absent or empty; written whole or not at all.
        joint_map: a built-in map by its name, or a YAML file. None: each file's skeleton is looked
            for among the built-in ones, and guessed by its names and its tree if it is none.
        fps: the files' frames a second, where their own frame time is wrong; AMC files have none
            and are taken to be at 120.
        licence: the terms of the recordings, for the store's manifest.
        strict: let one broken file stop the conversion.
        track: wraps the files, to show progress.

    Raises:
        UserError: the map is unknown or malformed, ``src`` holds no recording, none could be read,
            ``dst`` is in use, another process writes there, or the disk is full.
    """
    maps = list(BUILT_IN.values()) if joint_map is None else [named_map(joint_map)]
    reader = _Reader(Path(src), fps, maps, guess=joint_map is None, asked=joint_map is not None)
    return _convert(
        reader, dst, f"motion capture, {spelled(Path(src).name)}", licence, strict, track
    )


@dataclass
class _Reader:
    """Reads the files of one source as SMPL's poses."""

    source: Path
    fps: float | None
    maps: Sequence[JointMap]
    guess: bool
    asked: bool = False

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps < float("inf"):
            raise UserError(f"--fps is {self.fps}; expected a number above 0")

    def read(self, path: Path) -> tuple[BVH, JointMap]:
        """A file and the map for its skeleton."""
        if path.suffix == ".amc":
            skeleton = read_asf(skeleton_of(path))
            recording = read_amc(path, skeleton, _AMC_FPS if self.fps is None else self.fps)
        else:
            recording = read_bvh(path)
        if self.asked:
            return recording, self.maps[0]
        return recording, map_for(recording.names, recording.parents, self.maps, guess=self.guess)


def _convert(
    reader: _Reader,
    dst: str | os.PathLike[str],
    source: str,
    licence: str,
    strict: bool,
    track: Tracker,
) -> ConversionReport:
    report = ConversionReport()
    found = [path for path in entries(reader.source, report.refused) if path.suffix in _SUFFIXES]
    # The one that lies highest keeps the plain name.
    files = sorted(found, key=lambda path: (path.stem, len(path.parts), path))
    if not files:
        raise UserError(
            f"{reader.source}: no *.bvh or *.amc file there; expected a folder of recordings"
        )
    motions = _motions(files, reader, report, strict, track)
    # The first motion is drawn before the store is begun: where none is sound, say why each fell.
    first = next(motions, None)
    if first is None:
        reasons = "\n  ".join(f"{name}: {why}" for name, why in list(report.refused.items())[:5])
        raise UserError(f"{reader.source}: none of {len(files)} files could be read:\n  {reasons}")
    write_store(dst, _chain(first, motions), source=source, licence=licence)
    return report


def _chain(first: Motion, rest: Iterator[Motion]) -> Iterator[Motion]:
    yield first
    yield from rest


def _motions(
    files: list[Path], reader: _Reader, report: ConversionReport, strict: bool, track: Tracker
) -> Iterator[Motion]:
    body = load_body_model("open", dtype=torch.float64)
    rest = body.rest_joints(torch.zeros(1, body.num_betas, dtype=torch.float64))[0].numpy()
    taken: dict[str, Path] = {}
    for path in track(files):
        file = spelled(path.relative_to(reader.source).as_posix())
        try:
            name = _free_name(path, file, taken)
            recording, joints = reader.read(path)
            motion = retarget(recording, joints, rest, reader.fps)
            pieces, faults = sound_pieces(motion.poses, motion.fps)
            if not pieces:
                raise UserError(f"shows what no body can do: {described(faults)}")
        except UserError as error:
            reason = str(error).removeprefix(str(path)).lstrip(":, ")
            if strict:
                raise UserError(f"{path}: {reason}") from None
            report.refused[file] = reason
            continue
        taken[name] = path
        kept = sum(piece.stop - piece.start for piece in pieces)
        if faults:
            report.left_out[file] = f"{described(faults)}; {len(motion.poses) - kept} left out"
        elif recording.remark:
            report.left_out[file] = recording.remark
        report.read[file] = kept
        report.read_as[motion.read_as] = report.read_as.get(motion.read_as, 0) + 1
        report.source_frames += len(recording.frames)
        for number, piece in enumerate(pieces, 1):
            rows = piece.stop - piece.start
            own = name if number == 1 else f"{name}/{number}"
            taken[own] = path
            yield Motion(
                name=own,
                subject=joints.subject_of(spelled(path.stem)),
                poses=motion.poses[piece],
                fps=motion.fps,
                source_frames=max(1, round(len(recording.frames) * rows / len(motion.poses))),
                trans=motion.trans[piece],
            )


def _free_name(path: Path, file: str, taken: dict[str, Path]) -> str:
    """A name for a recording that no other has: its own, or with its folder.

    Raises:
        UserError: the file is a copy of one that was read.
    """
    name = spelled(path.stem)
    if name in taken:
        if filecmp.cmp(path, taken[name], shallow=False):
            raise UserError(f"is a copy of {spelled(str(taken[name]))}, which was read")
        name = file.removesuffix(path.suffix)
    if name in taken:
        # The same recording as BVH and as AMC, in one folder.
        name = file
    if name in taken:
        raise UserError(f"has the name of {spelled(str(taken[name]))}, which was read")
    return name
