"""Keypoints in shares of the image become pixels, if the image's size is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.detections.frames import Floats
from lsr1_pl.data.detections.people import SMALLEST, extent
from lsr1_pl.ground.errors import UserError

_FARTHEST_SHARE = 2.0
"""Somebody within two pixels is nobody: such coordinates are shares, beyond the edge too."""
_BEFORE_EDGE = -0.25
_WHOLE = 6
"""Keypoints that are a person."""

Size = tuple[float, float]


def in_pixels(
    keypoints: Floats, counted: NDArray[np.bool_], sizes: Sequence[Size | None], where: str
) -> Floats:
    """The same keypoints (n, 18, 2) in pixels.

    Args:
        keypoints: in pixels, or all of them in shares of the image's width and height.
        counted: (n, 18) which of them are sure enough.
        sizes: of each person's image, width and height in pixels, where it is known.
        where: the input, for messages.

    Raises:
        UserError: they are shares, and the size is not known; or they are shares of something
            else, from -1 to 1.
    """
    placed = keypoints[counted]
    if not len(placed) or np.abs(placed).max() > _FARTHEST_SHARE:
        _check_sizes(keypoints, counted, where)
        return keypoints
    if placed.min() < _BEFORE_EDGE:
        raise UserError(
            f"{where}: the keypoints lie within {placed.min():.2g} to {placed.max():.2g}; expected "
            "pixels, or shares of the image from 0 to 1. If they go from -1 to 1 over the image, "
            "turn them into pixels first. If they are joints in space, say --dimensions 3"
        )
    if any(size is None for size in sizes):
        raise UserError(
            f"{where}: the keypoints lie within {placed.min():.2g} to {placed.max():.2g}, so they "
            "are shares of the image; say its size: --image_size WIDTH HEIGHT, in pixels. Or, if "
            "they are joints in space, say --dimensions 3"
        )
    scale: Floats = np.array(sizes, dtype=np.float64)[:, None]
    return keypoints * scale


def too_small(keypoints: Floats, counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) who has keypoints enough to be a person, and is of under three pixels.

    Args:
        keypoints: (n, 18, 2) in pixels.
        counted: (n, 18) which of them are sure enough.
    """
    sides = extent(keypoints, counted)
    small: NDArray[np.bool_] = (counted.sum(axis=1) >= _WHOLE) & (sides > 0) & (sides < SMALLEST)
    return small


def _check_sizes(keypoints: Floats, counted: NDArray[np.bool_], where: str) -> None:
    """Refuse people of three pixels: joints in space, in metres, look so.

    Raises:
        UserError: nobody is larger.
    """
    whole = counted.sum(axis=1) >= _WHOLE
    sides = extent(keypoints[whole], counted[whole])
    if len(sides) and 0 < sides.max() < SMALLEST:
        raise UserError(
            f"{where}: the largest person is {sides.max():.2g} pixels high; expected pixels. If "
            "these are joints in space, in metres, say --dimensions 3"
        )
