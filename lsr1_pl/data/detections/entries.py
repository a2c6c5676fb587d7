"""Keypoints in JSON: a flat list of u, v and confidence for each person."""

from __future__ import annotations

from typing import Any

import numpy as np

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.detections.people import Floats
from lsr1_pl.ground.errors import UserError


def triples(flat: Any, where: str, counts: tuple[int, ...]) -> Floats:
    """(J, 3) of u, v and confidence.

    Args:
        flat: what a file has for it.
        where: the file and the key, for messages.
        counts: the numbers J of keypoints that are known.

    Raises:
        UserError: it is no list of so many numbers.
    """
    wanted = " or ".join(str(3 * count) for count in counts)
    numbers = isinstance(flat, list) and all(
        isinstance(x, (int, float)) and not isinstance(x, bool) for x in flat
    )
    if not numbers or len(flat) not in [3 * count for count in counts]:
        got = f"{len(flat)} entries" if isinstance(flat, list) else type(flat).__name__
        raise UserError(
            f"{where} is {got}; expected {wanted} numbers: u, v, confidence by keypoint"
        )
    try:
        return np.asarray(flat, dtype=np.float64).reshape(-1, 3)
    except OverflowError:
        raise UserError(f"{where} holds a number beyond double precision") from None


def split(rows: list[Floats]) -> tuple[Floats, Floats]:
    """Keypoints (n, 18, 2) and confidence (n, 18) of n people's (18, 3)."""
    stacked = np.stack(rows) if rows else np.zeros((0, len(COCO18), 3))
    return stacked[:, :, :2], stacked[:, :, 2]
