"""Left and right over time: a limb does not change sides from one frame to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.detections.people import Detections
from lsr1_pl.hmr.fitting.views import ARMS, FACE, LEGS, exchanged

Floats = NDArray[np.float64]

_PARTS = (LEGS, ARMS, FACE)
_SIDES = 2 ** len(_PARTS)
"""Each part as detected, or exchanged."""

_OWN_COST = 1e-3
"""Of an exchanged part in a frame, in sides of the box: the labels of most frames are right."""


@dataclass(frozen=True)
class ContinuousSides:
    """Detections of people whose left and right stay where they were."""

    detections: Detections
    seen: NDArray[np.bool_]
    """(n, 18) which keypoints count, in the new order."""
    changed: NDArray[np.bool_]
    """(n,) whose left and right were exchanged, of the whole body or of a part."""


def continuous_sides(
    detections: Detections, seen: NDArray[np.bool_], longest_gap: int = 5
) -> ContinuousSides:
    """Exchange left and right of legs, arms and face where they jump to the other side.

    Of all ways to label a person's frames the one of least motion is taken (Viterbi's algorithm):
    the mean way of the keypoints from frame to frame, in sides of the box. What most frames say
    stays. Where both sides lie in one place, as of a person seen from the side, motion says
    nothing, and a label stays with its neighbours'.

    Args:
        detections: tracked, so that a number is one person.
        seen: (n, 18) which keypoints count.
        longest_gap: frames for which a person may be away; then the labels begin anew.
    """
    orders = np.array([_order(side) for side in range(_SIDES)])
    chosen = np.zeros(len(detections.frame), dtype=np.int64)
    for number in np.unique(detections.person):
        rows = np.flatnonzero(detections.person == number)
        rows = rows[np.argsort(detections.moment[rows], kind="stable")]
        starts = np.flatnonzero(np.diff(detections.moment[rows]) > longest_gap) + 1
        for part in np.split(rows, starts):
            chosen[part] = _least_motion(detections.keypoints[part], seen[part], orders)
    order = orders[chosen]
    return ContinuousSides(
        replace(
            detections,
            keypoints=np.take_along_axis(detections.keypoints, order[:, :, None], axis=1),
            confidence=np.take_along_axis(detections.confidence, order, axis=1),
        ),
        np.take_along_axis(seen, order, axis=1),
        chosen > 0,
    )


def _order(side: int) -> list[int]:
    """18 numbers: which detection each keypoint is when the parts of ``side``'s bits change."""
    return exchanged(
        tuple(name for bit, part in enumerate(_PARTS) if side >> bit & 1 for name in part)
    )


def _least_motion(
    keypoints: Floats, seen: NDArray[np.bool_], orders: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(T,) the labelling of each of a person's frames."""
    own = _OWN_COST * np.array([bin(side).count("1") for side in range(len(orders))])
    side = _box_sides(keypoints, seen)
    cost = own.copy()
    came: list[NDArray[np.int64]] = []
    # Where each labelling's keypoints were seen last: they may be away for a while.
    places = np.where(seen[0][orders][:, :, None], keypoints[0][orders], np.nan)
    for now in range(1, len(keypoints)):
        here = np.where(seen[now][orders][:, :, None], keypoints[now][orders], np.nan)
        way = np.linalg.norm(here[None] - places[:, None], axis=3)
        known = np.isfinite(way)
        # Every keypoint has a share, so that a few that are seen do not speak for all.
        motion = np.where(known, way, 0.0).sum(axis=2) / (way.shape[2] * side[now])
        total = cost[:, None] + motion
        best = total.argmin(axis=0)
        came.append(best)
        cost = total[best, np.arange(len(orders))] + own
        places = np.where(np.isfinite(here), here, places[best])
    path = [int(cost.argmin())]
    for best in reversed(came):
        path.append(int(best[path[-1]]))
    return np.array(path[::-1])


def _box_sides(keypoints: Floats, seen: NDArray[np.bool_]) -> Floats:
    """(T,) the larger side of the box of what was seen, 1 at least."""
    counted = seen[:, :, None]
    low = np.where(counted, keypoints, np.inf).min(axis=1)
    high = np.where(counted, keypoints, -np.inf).max(axis=1)
    return np.maximum(np.where(seen.any(axis=1), (high - low).max(axis=1), 1.0), 1.0)
