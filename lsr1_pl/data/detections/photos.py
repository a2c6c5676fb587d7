"""People in photos: MediaPipe's landmarks as OpenPose's 18 keypoints."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.detections.joints.joint_set import JointSet
from lsr1_pl.data.detections.joints.mediapipe import BLAZEPOSE33
from lsr1_pl.data.detections.joints.order import in_order_of_18
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
MOST_PEOPLE = 8
"""The most people who are looked for in a photo."""

Image = NDArray[np.uint8]
FindPerson = Callable[[Image], "NDArray[np.float64] | None"]
"""(H, W, 3) -> (33, 3) of the clearest person: u and v as shares of width and height, and
visibility; None where there is nobody."""

_JOINTS = JointSet("mediapipe33", BLAZEPOSE33)

_LEAST_VISIBILITY = 0.5
_MOST_PIXELS = 100_000_000
_COVER_MARGIN = 0.1
_SHADES = (128, 0)
"""The two shades of the paint."""

_FARTHEST_APART = 0.25
"""How far one person's landmarks may lie apart beside paint of either shade, in box sides."""


def is_photo(path: Path) -> bool:
    """Whether the file's name is a photo's."""
    return path.suffix.lower() in PHOTO_SUFFIXES


def load_photo(path: Path) -> Image:
    """(H, W, 3) of the photo, upright as its EXIF orientation says.

    Raises:
        UserError: there is no such file, it is no image, or it is larger than 100 megapixels.
    """
    import PIL.Image
    import PIL.ImageOps

    if path.exists():
        check_regular(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(path) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise UserError(
                        f"{path}: is {image.width} x {image.height} pixels; expected "
                        f"{_MOST_PIXELS // 1_000_000} megapixels at most: make it smaller"
                    )
                return np.asarray(PIL.ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected a photo") from None
    except PIL.Image.DecompressionBombError as error:
        raise UserError(f"{path}: {error}; make it smaller") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise UserError(f"{path}: cannot be read as an image ({error})") from None


@contextmanager
def mediapipe_person() -> Iterator[FindPerson]:
    """MediaPipe's pose model that its wheel carries, which needs no network.

    Raises:
        UserError: MediaPipe is not installed, or is a release without its models.
    """
    try:
        import mediapipe
    except ImportError:
        raise UserError(
            "photos need MediaPipe, which is not installed: pip install 'lsr1_pl[photo]' in an "
            "environment of its own, with Python up to 3.12 (docs/predict.md)"
        ) from None
    try:
        pose = mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=1)
    except (AttributeError, OSError, RuntimeError) as error:
        raise UserError(
            f"this MediaPipe carries no pose model ({error}): pip install mediapipe==0.10.21"
        ) from None

    def find(image: Image) -> NDArray[np.float64] | None:
        found = pose.process(np.ascontiguousarray(image)).pose_landmarks
        if found is None:
            return None
        return np.array([[mark.x, mark.y, mark.visibility] for mark in found.landmark])

    with pose:
        yield find


def people_in(image: Image, find: FindPerson) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keypoints (n, 18, 2) in pixels and their confidence (n, 18), the clearest person first.

    The model finds one person: each one found is painted over, and it looks again. Where it finds
    nobody at all, it looks once more at the photo within a border, because it wants whole bodies,
    and people are often cut off below the hips.

    Args:
        image: (H, W, 3).
        find: the model.
    """
    people = _one_by_one(image, find)
    if not people:
        border = max(image.shape[:2]) // 4
        wider = np.pad(image, ((border, border), (border, border), (0, 0)))
        people = [marks - [border, border, 0] for marks in _one_by_one(wider, find)]
    size = np.array(image.shape[1::-1])
    rows = [_keypoints(marks, size) for marks in people]
    stacked = np.stack(rows) if rows else np.zeros((0, len(COCO18), 3))
    return stacked[:, :, :2], stacked[:, :, 2]


def _one_by_one(image: Image, find: FindPerson) -> list[NDArray[np.float64]]:
    """Each person's landmarks (33, 3): u and v in pixels, visibility."""
    covered = np.zeros(image.shape[:2], dtype=bool)
    people: list[NDArray[np.float64]] = []
    while len(people) < MOST_PEOPLE:
        marks = _next_person(image, covered, find)
        if marks is None:
            break
        people.append(marks)
        seen = marks[marks[:, 2] >= _LEAST_VISIBILITY, :2]
        low, high = seen.min(axis=0), seen.max(axis=0)
        margin = _COVER_MARGIN * (high - low).max()
        u, v = np.maximum(low - margin, 0).astype(int)
        to_u, to_v = np.maximum(high + margin, 0).astype(int) + 1
        covered[v:to_v, u:to_u] = True
    return people


def _next_person(
    image: Image, covered: NDArray[np.bool_], find: FindPerson
) -> NDArray[np.float64] | None:
    """Somebody beside those who are covered, if the model sees them whatever the paint is.

    A model now and then takes the paint itself for a part of somebody, but not in every shade.
    """
    size = np.array(image.shape[1::-1])
    found: list[NDArray[np.float64]] = []
    for shade in _SHADES if covered.any() else _SHADES[:1]:
        left = image.copy()
        left[covered] = shade
        marks = find(left)
        if marks is None:
            return None
        found.append(marks * [*size, 1])
    first = found[0]
    seen = first[:, 2] >= _LEAST_VISIBILITY
    if seen.sum() < 2:
        return None
    side = max(np.ptp(first[seen, :2], axis=0).max(), 1.0)
    apart = np.linalg.norm(found[-1][:, :2] - first[:, :2], axis=1)
    u, v = np.clip(first[seen, :2].astype(int), 0, size - 1).T
    again = covered[v, u].mean() > 0.5
    return None if again or np.median(apart) > _FARTHEST_APART * side else first


def _keypoints(marks: NDArray[np.float64], size: NDArray[np.int64]) -> NDArray[np.float64]:
    """(33, 3) -> (18, 3) with confidence 0 where the model only guesses.

    It places hidden joints too, with a low visibility, and those beyond the photo's edge.
    """
    inside = ((marks[:, :2] >= 0) & (marks[:, :2] < size)).all(axis=1)
    marks = marks.copy()
    marks[~inside | (marks[:, 2] < _LEAST_VISIBILITY), 2] = 0
    return in_order_of_18(marks[None], _JOINTS, "MediaPipe")[0]
