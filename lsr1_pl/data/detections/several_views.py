"""The same people's keypoints in several calibrated views."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.detections.cameras.rig import PlacedCamera, read_rig, rig_of
from lsr1_pl.data.detections.formats.arrays import POINT_KEYS, column_of, names_of
from lsr1_pl.data.detections.frames import Floats, Sighting, with_confidence
from lsr1_pl.data.detections.joints.order import joint_set
from lsr1_pl.data.detections.ordering import as_18
from lsr1_pl.data.detections.people import Detections, visible
from lsr1_pl.data.detections.reading import read_detections
from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError

_LEAST_CONFIDENCE = 0.3


@dataclass(frozen=True)
class SeveralViews:
    """n people in V views."""

    keypoints: Floats
    """(n, V, 18, 2) pixels, without the lenses' distortion, in OpenPose's order; 0 if not seen."""
    confidence: Floats
    """(n, V, 18) from 0 to 1, 0 where not seen."""
    cameras: list[PlacedCamera]
    frame: list[str]
    moment: NDArray[np.int64]
    person: NDArray[np.int64]
    points: str
    """The family of detectors, as `Detections` has it."""
    notes: tuple[str, ...] = ()
    """What the user should know of the reading, a sentence each."""


def read_views(
    path: Path,
    cameras: Path | None,
    joints: str | None = None,
    least_confidence: float | None = None,
) -> SeveralViews:
    """People in several views: an npz with ``keypoints`` (n, V, J, 2 or 3), or a folder a view.

    Args:
        path: the npz, or the folder of folders, each named as its camera.
        cameras: the file of cameras; without it, the npz has K, R and t.
        joints: the name of the joint set.
        least_confidence: from which on a keypoint counts; the detector's own unless it is given.

    Raises:
        UserError: an input is missing or malformed, or views and cameras do not fit together.
    """
    if path.is_dir():
        if cameras is None:
            raise UserError(
                f"{path}: keypoints in several views need their cameras: --cameras FILE"
            )
        return _folders(path, read_rig(cameras), joints, least_confidence)
    return _arrays(path, cameras, joints, least_confidence)


def _arrays(
    path: Path, cameras: Path | None, joints: str | None, least: float | None
) -> SeveralViews:
    try:
        arrays = load_npz(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected npz, or a folder a view") from None
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: cannot be read as an npz of plain arrays ({error})") from None
    key = next((key for key in POINT_KEYS if key in arrays), None)
    points = arrays[key] if key else np.zeros(0)
    shape = points.shape
    if (
        len(shape) != 4
        or shape[3] not in (2, 3)
        or not all(shape)
        or points.dtype.kind not in "fiu"
    ):
        raise UserError(
            f"{path}: key '{key or 'keypoints'}' is {points.dtype} of shape {shape}; expected "
            "numbers (n, V, J, 2), or (n, V, J, 3) with confidence, of n people in V views"
        )
    if cameras is None:
        rig = rig_of(
            str(path), {k: v.tolist() for k, v in arrays.items() if v.size < 10_000 and k != key}
        )
    else:
        rig = read_rig(cameras)
    if len(rig) != shape[1]:
        known = ", ".join(each.name for each in rig)
        raise UserError(
            f"{path}: key '{key}' has {shape[1]} views, and there are {len(rig)} cameras: {known}"
        )
    count = shape[0]
    marks = with_confidence(points.astype(np.float64))
    if "confidence" in arrays:
        if arrays["confidence"].shape != shape[:3] or arrays["confidence"].dtype.kind not in "fiub":
            raise UserError(
                f"{path}: key 'confidence' is of shape {arrays['confidence'].shape}; expected "
                f"numbers {shape[:3]}"
            )
        marks[..., 2] = arrays["confidence"]
        marks = with_confidence(marks)
    moments = column_of(path, arrays, "moment", count, "iu")
    people = column_of(path, arrays, "person", count, "iu")
    moment = np.arange(count) if moments is None else moments.astype(np.int64)
    person = np.zeros(count, np.int64) if people is None else people.astype(np.int64)
    _check_once(str(path), moment, person)
    frame = [f"{path.stem}_{number:06d}" for number in moment.tolist()]
    names = names_of(path, arrays, shape[2])
    sightings = [Sighting(each, None, names) for each in marks.reshape(-1, shape[2], 3)]
    places = [f"{name} of camera {each.name}" for name in frame for each in rig]
    chosen = None if joints is None else joint_set(joints)
    ordered = as_18(str(path), sightings, places, chosen)
    least = _LEAST_CONFIDENCE if least is None else least
    marks = ordered.marks.reshape(count, shape[1], 18, 3)
    views = _views(marks, least, rig, frame, moment, person, ordered.points)
    return replace(views, notes=tuple(ordered.notes))


def _folders(
    path: Path, rig: list[PlacedCamera], joints: str | None, least: float | None
) -> SeveralViews:
    inside = sorted(x for x in path.iterdir() if x.is_dir() and not x.name.startswith("."))
    chosen = [(_folder_of(path, inside, each.name), each) for each in rig]
    detections = [read_detections(folder, joints, sequence=True) for folder, _ in chosen]
    keys: dict[tuple[int, int], str] = {}
    places = []
    for (folder, _), found in zip(chosen, detections, strict=True):
        who = _people(str(folder), found)
        places.append(who)
        for key, row in who.items():
            keys.setdefault(key, found.frame[row])
    order = sorted(keys)
    marks = np.zeros((len(order), len(rig), 18, 3))
    for view, (who, found) in enumerate(zip(places, detections, strict=True)):
        seen = visible(found, least)
        for row, key in enumerate(order):
            if key in who:
                marks[row, view, :, :2] = found.keypoints[who[key]]
                marks[row, view, :, 2] = found.confidence[who[key]] * seen[who[key]]
    families = {found.points for found in detections}
    moment, person = (np.array(column, dtype=np.int64) for column in zip(*order, strict=True))
    frame = [keys[key] for key in order]
    points = families.pop() if len(families) == 1 else ""
    views = _views(marks, 1e-9, [each for _, each in chosen], frame, moment, person, points)
    told = zip(chosen, detections, strict=True)
    notes = [f"{folder.name}: {note}" for (folder, _), found in told for note in found.notes]
    return replace(views, notes=tuple(notes))


def _folder_of(path: Path, inside: list[Path], name: str) -> Path:
    """The folder of a camera: of its name, or the only one whose name begins with it."""
    exact = [folder for folder in inside if folder.name == name]
    begun = [folder for folder in inside if _begins(folder.name, name)]
    found = exact or begun
    if len(found) != 1:
        names = ", ".join(folder.name for folder in inside) or "none"
        raise UserError(
            f"{path}: has no folder of the camera '{name}'; expected one of that name. Its folders "
            f"are: {names}"
        )
    return found[0]


def _begins(folder: str, name: str) -> bool:
    """Whether a folder's name is a camera's with something after it, as ``cam01_json``."""
    rest = folder.removeprefix(name)
    return rest != folder and not rest[:1].isalnum()


def _people(where: str, found: Detections) -> dict[tuple[int, int], int]:
    """(moment, person) -> row."""
    if len(np.unique(found.clip)) > 1:
        raise UserError(f"{where}: holds several recordings; expected the frames of one")
    alone = len(np.unique(found.moment)) == len(found.moment)
    if not alone and not found.identified.all():
        raise UserError(
            f"{where}: has several people in a frame, and does not say who is who in all views; "
            "give them identities that are the same in every view (such as 'person_id')"
        )
    person = np.zeros_like(found.person) if alone else found.person
    keys = zip(found.moment.tolist(), person.tolist(), strict=True)
    return {key: row for row, key in enumerate(keys)}


def _check_once(where: str, moment: NDArray[np.int64], person: NDArray[np.int64]) -> None:
    if len({*zip(moment.tolist(), person.tolist(), strict=True)}) < len(moment):
        raise UserError(
            f"{where}: somebody is twice in one frame; say who is who by key 'person', a whole "
            "number for each"
        )


def _views(
    marks: Floats,
    least: float,
    rig: list[PlacedCamera],
    frame: list[str],
    moment: NDArray[np.int64],
    person: NDArray[np.int64],
    points: str,
) -> SeveralViews:
    pixels = np.stack(
        [each.camera.undistorted(marks[:, view, :, :2]) for view, each in enumerate(rig)], axis=1
    )
    seen = np.isfinite(pixels).all(axis=3) & (marks[..., 2] >= least)
    confidence = np.where(seen, np.clip(marks[..., 2], 0.0, 1.0), 0.0)
    pixels = np.where(seen[..., None], pixels, 0.0)
    return SeveralViews(pixels, confidence, rig, frame, moment, person, points)
