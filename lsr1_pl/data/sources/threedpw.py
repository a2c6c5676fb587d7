"""3DPW's sequence files (von Marcard et al., ECCV 2018) into motion stores, one a split."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.motion.manifest import MANIFEST
from lsr1_pl.data.motion.store import Motion, write_store
from lsr1_pl.data.sources.conversion import ConversionReport
from lsr1_pl.data.sources.legacy_pickle import read_legacy_pickle
from lsr1_pl.data.sources.parallel import in_parallel
from lsr1_pl.data.sources.source_files import spelled
from lsr1_pl.ground.errors import UserError

SPLITS = ("train", "validation", "test")
LICENCE = (
    "3DPW (von Marcard et al., ECCV 2018), https://virtualhumans.mpi-inf.mpg.de/3DPW: research, "
    "non-commercial"
)
FPS = 30.0
_FAR = 0.5
"""A share of the image's size: a detection further outside is a mistake of the detector."""
GENDERS = {"m": "male", "f": "female", "male": "male", "female": "female"}

Array = NDArray[np.float64]
Track = Callable[[Iterable[Any], int], Iterable[Any]]
"""Wraps what is read, and how much there will be, to show progress."""


@dataclass
class ThreeDPWReport(ConversionReport):
    """What a conversion did with each sequence of a split."""

    invalid: int = 0
    """Frames whose camera pose 3DPW calls invalid; they are kept, with ``valid`` 0."""
    undetected: int = 0
    """Frames without a single detected keypoint; kept."""
    far: int = 0
    """Keypoints far outside the image, whose confidence was set to 0."""


UPRIGHT = np.diag([1.0, -1.0, -1.0])
"""Turns the camera of computer vision (y down, z forward) into a fit's (y up, along -z)."""


@dataclass(frozen=True)
class _Person:
    """One person of one sequence, n frames, in the frame of a fit."""

    name: str
    gender: str
    poses: Array
    betas: Array
    seen: dict[str, Array] = field(default_factory=dict)
    far: int = 0


def convert_3dpw(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    workers: int | None = None,
    track: Track = lambda files, _: files,
) -> dict[str, ThreeDPWReport]:
    """Convert ``sequenceFiles/{train,validation,test}/*.pkl`` to a store each under ``dst``.

    Every frame is kept. Poses and joints are turned into the frame of a fit: that of the camera,
    y up, and the camera looks along -z (3DPW's own has y down and z forward); a recording is one
    person of one sequence, named ``downtown_walking_00/0``, of the sequence as subject.

    Args:
        src: the folder ``sequenceFiles``, or one that holds it.
        dst: a folder; a split that is there already is left as it is.
        workers: processes that read; see :func:`in_parallel`.
        track: wraps the sequences, and their number, to show progress.

    Raises:
        UserError: no sequence is there, none of a split could be read, another process writes a
            split, or the disk is full.
    """
    source = Path(src)
    if (source / "sequenceFiles").is_dir():
        source = source / "sequenceFiles"
    files = {split: _sequences(source / split) for split in SPLITS}
    if not any(files.values()):
        raise UserError(
            f"{source}: holds no train/*.pkl, validation/*.pkl or test/*.pkl; expected 3DPW's "
            "sequenceFiles, from https://virtualhumans.mpi-inf.mpg.de/3DPW"
        )
    reports = {}
    for split, paths in files.items():
        target = Path(dst) / split
        if not paths or (target / MANIFEST).is_file():
            continue
        report = ThreeDPWReport()
        sequences = in_parallel(_read_or_refuse, paths, workers)
        motions = _motions(paths, track(sequences, len(paths)), report)
        first = next(motions, None)
        if first is None:
            reasons = "\n  ".join(f"{name}: {why}" for name, why in report.refused.items())
            raise UserError(f"{source / split}: no sequence could be read:\n  {reasons}")

        def every(first: Motion = first, rest: Iterator[Motion] = motions) -> Iterator[Motion]:
            yield first
            yield from rest

        write_store(target, every(), source=f"3DPW, {split}", licence=LICENCE)
        reports[split] = report
    return reports


def _sequences(folder: Path) -> list[Path]:
    """A split may be absent, but one that cannot be looked into is not."""
    if not os.path.lexists(folder):
        return []
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(".pkl"))
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be listed ({error.strerror}); mend or remove it"
        ) from None


def _read_or_refuse(path: Path) -> list[_Person] | str:
    """The people of a sequence, or why it cannot be read."""
    try:
        return read_sequence(path)
    except UserError as error:
        return str(error).removeprefix(f"{path}: ")


def _motions(
    paths: list[Path], sequences: Iterable[list[_Person] | str], report: ThreeDPWReport
) -> Iterator[Motion]:
    for path, people in zip(paths, sequences, strict=True):
        if isinstance(people, str):
            report.refused[spelled(path.name)] = people
            continue
        for person in people:
            count = len(person.poses)
            report.read[person.name] = count
            report.source_frames += count
            report.invalid += int((person.seen["valid"] == 0).sum())
            confidence = person.seen["keypoints"].reshape(count, 18, 3)[:, :, 2]
            report.undetected += int((confidence == 0).all(axis=1).sum())
            report.far += person.far
            yield Motion(
                name=person.name,
                subject=spelled(path.stem),
                poses=person.poses,
                betas=person.betas,
                fps=FPS,
                source_frames=count,
                gender=person.gender,
                seen=person.seen,
            )


def read_sequence(path: Path) -> list[_Person]:
    """The people of one sequence file.

    Raises:
        UserError: the file is damaged or hostile, or a key is missing, malformed or not finite.
    """
    content = read_legacy_pickle(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}; expected a table of arrays")
    cameras = _array(path, "cam_poses", content.get("cam_poses"), (None, 4, 4))
    count = len(cameras)
    matrix = _array(path, "cam_intrinsics", content.get("cam_intrinsics"), (3, 3))
    poses = _people(path, content, "poses")
    people = range(len(poses))
    return [_person(path, content, number, cameras, matrix, count) for number in people]


def _person(
    path: Path, content: dict[str, Any], number: int, cameras: Array, matrix: Array, count: int
) -> _Person:
    def of(key: str, shape: tuple[int | None, ...]) -> Array:
        people = _people(path, content, key)
        if number >= len(people):
            raise UserError(f"{path}: key '{key}' lists {len(people)} people; expected more")
        return _array(path, f"{key}[{number}]", people[number], shape)

    genders = _people(path, content, "genders")
    gender = GENDERS.get(str(genders[number]) if number < len(genders) else "")
    if gender is None:
        raise UserError(f"{path}: key 'genders' is {genders}; expected m or f for each person")
    betas = of("betas", (None,))
    if len(betas) < 10:
        raise UserError(f"{path}: key 'betas[{number}]' holds {len(betas)} numbers; expected 10")
    rotation, shift = UPRIGHT @ cameras[:, :3, :3], cameras[:, :3, 3] @ UPRIGHT
    poses = of("poses", (count, 72)).copy()
    try:
        poses[:, :3] = _turned(rotation, poses[:, :3])
    except ValueError as error:
        reason = str(error).split(":")[0]
        raise UserError(f"{path}: key 'cam_poses' holds what is no rotation ({reason})") from None
    world = of("jointPositions", (count, 72)).reshape(count, 24, 3)
    joints = np.einsum("nij,nkj->nki", rotation, world) + shift[:, None]
    keypoints, far = _detections(of("poses2d", (count, 3, 18)), matrix)
    fx, fy, cx, cy = matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]
    seen = {
        "keypoints": keypoints.reshape(count, 54),
        "joints": joints.reshape(count, 72),
        "intrinsics": np.tile([fx, fy, cx, cy], (count, 1)),
        "valid": (of("campose_valid", (count,)) > 0).astype(np.float64)[:, None],
    }
    shape = np.tile(betas[:10], (count, 1))
    with np.errstate(over="ignore"):
        sound = all(np.isfinite(part.astype(np.float32)).all() for part in (poses, *seen.values()))
    if not sound:
        raise UserError(f"{path}: person {number} is beyond single precision in the camera's frame")
    return _Person(f"{spelled(path.stem)}/{number}", gender, poses, shape, seen, far)


def _people(path: Path, content: dict[str, Any], key: str) -> list[Any]:
    people = content.get(key)
    if not isinstance(people, (list, np.ndarray)) or not len(people):
        found = "is missing" if key not in content else f"is {type(people).__name__}"
        raise UserError(f"{path}: key '{key}' {found}; expected a list with an entry a person")
    return list(people)


def _array(path: Path, key: str, value: Any, shape: tuple[int | None, ...]) -> Array:
    wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        raise UserError(f"{path}: key '{key}' holds no numbers; expected an array {wanted}")
    fits = value.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(value.shape, shape, strict=True)
    )
    if not fits:
        raise UserError(f"{path}: key '{key}' is shaped {value.shape}; expected {wanted}")
    array: Array = value.astype(np.float64)
    if not np.isfinite(array).all():
        raise UserError(f"{path}: key '{key}' holds values that are not finite")
    return array


def _turned(rotation: Array, root: Array) -> Array:
    """(n, 3) root rotations after the camera's (n, 3, 3)."""
    from scipy.spatial.transform import Rotation

    turned: Array = (Rotation.from_matrix(rotation) * Rotation.from_rotvec(root)).as_rotvec()
    return turned


def _detections(poses2d: Array, matrix: Array) -> tuple[Array, int]:
    """(n, 18, 3) keypoints, those far outside the image with confidence 0; and how many."""
    keypoints = poses2d.transpose(0, 2, 1).copy()
    # The principal point is the image's centre in 3DPW.
    size = 2 * matrix[:2, 2]
    outside = (keypoints[:, :, :2] < -_FAR * size) | (keypoints[:, :, :2] > (1 + _FAR) * size)
    far = outside.any(axis=2) & (keypoints[:, :, 2] > 0)
    keypoints[far, 2] = 0
    return keypoints, int(far.sum())
