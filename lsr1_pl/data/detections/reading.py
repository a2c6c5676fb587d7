"""From a file or folder to people: joints by name, pixels, moments, and who is who."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.detections.frames import Frame, Sighting
from lsr1_pl.data.detections.identities import numbered_people
from lsr1_pl.data.detections.joints.names import shown
from lsr1_pl.data.detections.joints.order import joint_set
from lsr1_pl.data.detections.ordering import as_18
from lsr1_pl.data.detections.people import SMALLEST, Detections, visible
from lsr1_pl.data.detections.photos import load_photo, mediapipe_person, people_in
from lsr1_pl.data.detections.pixels import Size, in_pixels, too_small
from lsr1_pl.data.detections.sources import Content, read_content
from lsr1_pl.data.detections.timeline import is_sequence, timeline
from lsr1_pl.data.detections.upright import upright_notes
from lsr1_pl.ground.console import encodable
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular

_LONGEST_NAME = 4096
"""The longest name of a frame, in characters: every name takes as much memory as it."""


def read_detections(
    path: Path,
    joints: str | None = None,
    image_size: Size | None = None,
    sequence: bool | None = None,
) -> Detections:
    """The people of a file, or of a folder with a file a frame, in the order of time.

    Args:
        path: detected keypoints in any of the formats that ``docs/predict.md`` lists, a photo in
            which MediaPipe looks for people, or a folder of such files.
        joints: the name of the keypoints' joint set, as :data:`JOINT_SETS` lists it; without it,
            the names that the file has for its joints, or else the keypoints' number.
        image_size: width and height in pixels, for keypoints that are shares of the image.
        sequence: whether the frames follow each other in time; without it, their numbers and the
            people's places tell.

    Raises:
        UserError: there is no such file, it is of another format, or it holds no person.
    """
    chosen = None if joints is None else joint_set(joints)
    content = read_content(path)
    by_photo = not content.frames and bool(content.photos)
    if by_photo:
        content = _look_for_people(content)
    when = timeline(content.frames)
    order = sorted(range(len(content.frames)), key=lambda row: (when.clip[row], when.moment[row]))
    frames = [content.frames[row] for row in order]
    people = [(row, who) for row, frame in zip(order, frames, strict=True) for who in frame.people]
    if not people:
        wanted = "one whole enough to see its hips and head" if by_photo else "one in one frame"
        raise UserError(f"{path}: holds no person; expected at least {wanted}")
    names = frame_names([frame.name or "" for frame in content.frames], str(path), whole=by_photo)
    frame = [names[row] for row, _ in people]
    ordered = as_18(str(path), [who for _, who in people], frame, chosen)
    marks = ordered.marks
    sizes = [content.frames[row].size or image_size for row, _ in people]
    clip = np.array([when.clip[row] for row, _ in people])
    moment = np.array([when.moment[row] for row, _ in people])
    found = Detections(
        marks[:, :, :2],
        marks[:, :, 2],
        frame,
        _places(people),
        moment,
        _photos(content, names),
        clip=clip,
        least_confidence=content.least_confidence,
        points="mediapipe" if by_photo else ordered.points,
        notes=(*_left_out(content), *_empty(content.frames, names), *ordered.notes),
    )
    counted = found.confidence >= content.least_confidence
    found = replace(found, keypoints=in_pixels(found.keypoints, counted, sizes, str(path)))
    small = int(too_small(found.keypoints, counted).sum())
    if small:
        note = (
            f"{small} of {len(people)} people are of under {SMALLEST:g} pixels, so none of their "
            "keypoints counts. If they are in shares of the image, give them a file of their own."
        )
        found = replace(found, notes=(*found.notes, note))
    if not by_photo:
        notes = upright_notes(found.keypoints, visible(found))
        found = replace(found, notes=(*found.notes, *notes))
    moving = when.numbered and is_sequence(clip, moment, found.keypoints, visible(found))
    return numbered_people(found, [who.identity for _, who in people], moving, sequence)


def frame_names(files: Sequence[str], where: str, whole: bool = False) -> list[str]:
    """A name for each frame, no two the same: the file's stem, or the whole path if stems repeat.

    Args:
        files: each frame's file, or number.
        where: the input, for messages.
        whole: whether all are named by the whole path.

    Raises:
        UserError: a name is of more than 4,096 characters.
    """
    for number, file in enumerate(files):
        if len(file) > _LONGEST_NAME:
            raise UserError(
                f"{where}: the name of frame {number} is of {len(file)} characters; expected "
                f"{_LONGEST_NAME} at most"
            )
    names = [encodable(file) for file in files]
    stems = [name if whole else PurePosixPath(name).stem or name for name in names]
    often = Counter(stems)
    chosen = [name if often[stem] > 1 else stem for name, stem in zip(names, stems, strict=True)]
    often = Counter(chosen)
    taken = set(chosen)
    for row, name in enumerate(chosen):
        if often[name] > 1:
            longer = f"{name}_{row:06d}"
            while longer in taken:
                longer += "_"
            taken.add(longer)
            chosen[row] = longer
    return chosen


def _places(people: Sequence[tuple[int, Sighting]]) -> NDArray[np.int64]:
    """Each person's number within its frame."""
    counted: Counter[int] = Counter()
    places = []
    for row, _ in people:
        places.append(counted[row])
        counted[row] += 1
    return np.array(places)


def _left_out(content: Content) -> list[str]:
    if not content.skipped:
        return []
    count = len(content.skipped)
    files = "1 file is" if count == 1 else f"{count} files are"
    return [f"{files} left out: {shown(content.skipped)}"]


def _empty(frames: Sequence[Frame], names: Sequence[str]) -> list[str]:
    alone = [name for name, frame in zip(names, frames, strict=True) if not frame.people]
    if not alone:
        return []
    some = "1 frame holds" if len(alone) == 1 else f"{len(alone)} frames hold"
    return [f"{some} nobody: {shown(alone)}"]


def _photos(content: Content, names: Sequence[str]) -> Mapping[str, Path]:
    """The photo of each frame that has one."""
    by_stem = {photo.stem: photo for photo in content.photos}
    by_name = {photo.name: photo for photo in content.photos}
    files = [PurePosixPath(frame.name or "") for frame in content.frames]
    found = [by_name.get(file.name, by_stem.get(file.stem)) for file in files]
    return {name: photo for name, photo in zip(names, found, strict=True) if photo is not None}


def _look_for_people(content: Content) -> Content:
    for file in content.photos:
        if file.exists():
            check_regular(file)
    frames = []
    with mediapipe_person() as find:
        for file in content.photos:
            keypoints, confidence = people_in(load_photo(file), find)
            marks = np.concatenate([keypoints, confidence[:, :, None]], axis=2)
            frames.append(Frame([Sighting(each) for each in marks], file.name))
    return replace(content, frames=frames, least_confidence=0.01)
