"""Whether people stand in the image: nearly nobody does where u and v are mixed up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.detections.frames import Floats

_NEARLY_ALL = 0.8
"""Of 486 recordings of real motion, none lies in so large a share of its frames, or 2 (crawling and
getting up), by how the sides are drawn from which they are seen. With u and v exchanged 437 do, and
with v upwards 435 stand on their head."""

_FEWEST = 10
"""Of people who tell: a single picture may well be of somebody who lies."""

_NECK = COCO18.index("neck")
_HIPS = [COCO18.index("right_hip"), COCO18.index("left_hip")]


def upright_notes(keypoints: Floats, seen: NDArray[np.bool_]) -> list[str]:
    """A note where nearly all people lie on their side in the image, or stand on their head.

    Args:
        keypoints: (n, 18, 2) u and v.
        seen: (n, 18) the keypoints that count; neck and hips tell.
    """
    rows = np.flatnonzero(seen[:, [_NECK, *_HIPS]].all(axis=1))
    if len(rows) < _FEWEST:
        return []
    torso = keypoints[rows][:, _HIPS].mean(axis=1) - keypoints[rows, _NECK]
    lies = np.abs(torso[:, 0]) > np.abs(torso[:, 1])
    hangs = ~lies & (torso[:, 1] < 0)
    wrong = "Then left and right of the fits are wrong, too"
    if lies.mean() >= _NEARLY_ALL:
        return [
            f"{int(lies.sum())} of {len(rows)} people lie on their side in the image. If they "
            "stand and the image is not turned, u and v are exchanged: expected u, to the right, "
            f"before v, down. {wrong}"
        ]
    if hangs.mean() >= _NEARLY_ALL:
        return [
            f"{int(hangs.sum())} of {len(rows)} people stand on their head in the image. If they "
            "do not and the image is not turned, v counts upwards: expected v down from the "
            f"image's top. {wrong}"
        ]
    return []
