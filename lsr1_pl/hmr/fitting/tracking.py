"""Who is who from frame to frame: detectors order the people of each frame anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.detections.people import Detections

_FARTHEST = 0.5
"""The farthest a person may be from where a track expects them, in sides of its box."""

_NEWEST_SHARE = 0.5
"""The weight of a frame's step in a track's velocity."""


@dataclass
class _Track:
    number: int
    keypoints: NDArray[np.float64]
    """(18, 2) where each keypoint was seen last, carried along with the others."""
    known: NDArray[np.bool_]
    moment: int
    velocity: NDArray[np.float64]
    """(2,) pixels a frame."""

    def follow(self, keypoints: NDArray[np.float64], seen: NDArray[np.bool_], now: int) -> None:
        common = self.known & seen
        shift = np.median(keypoints[common] - self.keypoints[common], axis=0)
        step = shift / (now - self.moment)
        self.velocity = (1 - _NEWEST_SHARE) * self.velocity + _NEWEST_SHARE * step
        self.keypoints = np.where(seen[:, None], keypoints, self.keypoints + shift)
        self.known = self.known | seen
        self.moment = now


def number_people(
    detections: Detections, seen: NDArray[np.bool_], anew: bool = False
) -> Detections:
    """One number for one person over the whole input, wherever it can be known.

    Numbers that the detector gave stay. Whoever has none is tracked where some frame of a sequence
    has several such people; alone in every frame, they are taken for one person.

    Args:
        detections: as they were read.
        seen: (n, 18) which keypoints count.
        anew: whether all are tracked, whatever the detector says.
    """
    free = np.full(len(detections.frame), anew) | ~detections.identified
    moments = zip(detections.clip[free].tolist(), detections.moment[free].tolist(), strict=True)
    alone = max(Counter(moments).values(), default=0) < 2 and len(set(detections.clip[free])) < 2
    if not detections.sequence or (alone and not anew):
        return detections
    tracked = track_people(_rows(detections, free), seen[free])
    person = detections.person.copy()
    person[free] = tracked.person + (0 if free.all() else detections.person[~free].max() + 1)
    return replace(detections, person=person)


def track_people(
    detections: Detections, seen: NDArray[np.bool_], longest_gap: int = 15
) -> Detections:
    """The same people, numbered so that one number is one person over the whole input.

    Each frame's people are assigned to the tracks so that the sum of the distances between the
    keypoints and where each track's constant velocity expects them is least (the Hungarian
    algorithm); whoever is farther than half a box from every track gets a new number. People of
    different recordings are different people.

    Args:
        detections: frames of a sequence.
        seen: (n, 18) which keypoints count.
        longest_gap: frames for which a person may be away and keep the number.
    """
    numbers = np.zeros(len(detections.frame), dtype=np.int64)
    first = 0
    for clip in np.unique(detections.clip).tolist():
        part = np.flatnonzero(detections.clip == clip)
        numbers[part] = first + _track(_rows(detections, part), seen[part], longest_gap)
        first = int(numbers[part].max()) + 1
    return replace(detections, person=numbers)


def _rows(detections: Detections, chosen: NDArray[Any]) -> Detections:
    """The people of these rows, or of this mask."""
    return Detections(
        detections.keypoints[chosen],
        detections.confidence[chosen],
        np.asarray(detections.frame)[chosen].tolist(),
        detections.person[chosen],
        detections.moment[chosen],
        clip=detections.clip[chosen],
    )


def _track(detections: Detections, seen: NDArray[np.bool_], longest_gap: int) -> NDArray[np.int64]:
    tracks: list[_Track] = []
    numbers = np.zeros(len(detections.frame), dtype=np.int64)
    for now in np.unique(detections.moment).tolist():
        rows = np.flatnonzero(detections.moment == now)
        alive = [track for track in tracks if now - track.moment <= longest_gap + 1]
        matched = _matches(alive, detections.keypoints[rows], seen[rows], now)
        for place, row in enumerate(rows):
            keypoints, visible = detections.keypoints[row], seen[row]
            track = matched.get(place)
            if track is None:
                keypoints = np.where(visible[:, None], keypoints, 0.0)
                track = _Track(len(tracks), keypoints, visible, now, np.zeros(2))
                tracks.append(track)
            else:
                track.follow(keypoints, visible, now)
            numbers[row] = track.number
    return numbers


def _matches(
    tracks: list[_Track], keypoints: NDArray[np.float64], seen: NDArray[np.bool_], now: int
) -> dict[int, _Track]:
    """Place among the frame's people -> their track."""
    from scipy.optimize import linear_sum_assignment

    if not tracks:
        return {}
    distance = _distances(tracks, keypoints, seen, now)
    # What is too far costs the same wherever it goes, so that it does not push others about.
    people, chosen = linear_sum_assignment(np.minimum(distance, _FARTHEST))
    pairs = zip(people.tolist(), chosen.tolist(), strict=True)
    return {person: tracks[k] for person, k in pairs if distance[person, k] < _FARTHEST}


def _distances(
    tracks: list[_Track], keypoints: NDArray[np.float64], seen: NDArray[np.bool_], now: int
) -> NDArray[np.float64]:
    """(P, T) of P people from where T tracks expect them, in sides of each track's box.

    It is the median over the keypoints that both have; infinite without one.
    """
    last = np.stack([track.keypoints for track in tracks])
    known = np.stack([track.known for track in tracks])
    velocity = np.stack([track.velocity for track in tracks])
    away = np.array([now - track.moment for track in tracks])
    expected = last + (velocity * away[:, None])[:, None]
    places = known[:, :, None]
    spread = np.where(places, last, -np.inf).max(1) - np.where(places, last, np.inf).min(1)
    side = np.maximum(spread.max(1), 1.0)
    # What is not seen may be anywhere, and its square infinite.
    finite = np.where(seen[:, :, None], keypoints, 0.0)
    # Person by person: all at once, a crowd and its tracks would take gigabytes.
    rows = zip(finite, seen, strict=True)
    return np.stack([_medians(expected - person, known & own) / side for person, own in rows])


def _medians(offsets: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(T, J, 2) -> (T,) the median length of the counted offsets; infinite without any."""
    lengths = np.linalg.norm(offsets, axis=2)
    lengths[~counted] = np.inf
    lengths.sort(axis=1)
    count = counted.sum(axis=1)
    middle = np.stack([np.maximum(count - 1, 0) // 2, count // 2], axis=1)
    medians: NDArray[np.float64] = np.take_along_axis(lengths, middle, axis=1).mean(axis=1)
    return medians
