"""Ultralytics' labels: a text file an image, a line a person, in shares of the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsr1_pl.data.detections.frames import Frame, Sighting, with_confidence
from lsr1_pl.ground.errors import UserError

_BEFORE = 5
"""Numbers before the keypoints: class and box."""
_FEWEST = 6
"""Keypoints; a line of fewer numbers is a box or a polygon."""


def read_yolo(path: Path) -> list[Frame]:
    """The frame of a file: class, box, u, v and confidence by keypoint, a score, who it is.

    Raises:
        UserError: a line is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected keypoints") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as text ({error})") from None
    return [Frame([_person(f"{path}: line {k + 1}", line) for k, line in enumerate(lines) if line])]


def _person(where: str, line: str) -> Sighting:
    try:
        numbers = [float(word) for word in line.split()]
    except ValueError:
        numbers = []
    count, more = divmod(len(numbers) - _BEFORE, 3)
    if count < _FEWEST:
        raise UserError(
            f"{where} is no person; expected class, box, then u, v and confidence by keypoint, in "
            "shares of the image, as Ultralytics writes labels"
        )
    marks = np.array(numbers[_BEFORE : _BEFORE + 3 * count]).reshape(count, 3)
    last = numbers[-1]
    followed = more == 2 or (more == 1 and last == int(last) and last > 1)
    return Sighting(with_confidence(marks), int(last) if followed else None)
