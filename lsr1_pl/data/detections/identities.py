"""Who is who over the frames, as far as the detector says it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lsr1_pl.data.detections.frames import Identity
from lsr1_pl.data.detections.people import Detections

_LARGEST = 10**6
"""Larger numbers of a detector are exchanged for small ones, as texts are."""


def numbered_people(
    detections: Detections,
    identities: Sequence[Identity | None],
    moving: bool,
    sequence: bool | None = None,
) -> Detections:
    """The same people, numbered as the detector did.

    In a sequence ``person`` is the detector's number where it gave one. Identities that two people
    of a frame share are none. Where frames are no sequence, each person has a number alone.

    Args:
        detections: with each person's place in its frame as its number.
        identities: (n,) who each is, None where the detector does not say.
        moving: whether the frames seem to follow each other in time.
        sequence: whether they do; without it they do if they seem so, or if the detector follows
            several people.
    """
    count = len(identities)
    told = [
        (clip, moment, who)
        for clip, moment, who in zip(
            detections.clip.tolist(), detections.moment.tolist(), identities, strict=True
        )
        if who is not None
    ]
    followed = bool(told) and len(set(told)) == len(told)
    if sequence is None:
        sequence = moving or (followed and 1 < len({who for *_, who in told}) < len(told))
    if not sequence:
        frames = len({*zip(detections.clip.tolist(), detections.moment.tolist(), strict=True)})
        person = np.arange(count) if frames > 1 else detections.person
        return replace(detections, person=person, sequence=False)
    if not followed:
        return detections
    keys = list(zip(detections.clip.tolist(), identities, strict=True))
    numbers = _numbers([key for key in keys if key[1] is not None])
    person = np.array([numbers.get(key, -1) for key in keys])
    known = person >= 0
    strangers = np.flatnonzero(~known)
    person[strangers] = person.max() + 1 + detections.person[strangers]
    return replace(detections, person=person, identified=known)


def _numbers(keys: Sequence[tuple[int, Identity | None]]) -> dict[tuple[int, Identity | None], int]:
    distinct = list(dict.fromkeys(keys))
    small = all(isinstance(who, int) and who < _LARGEST for _, who in distinct)
    if small and max(Counter(who for _, who in distinct).values()) == 1:
        return {key: int(key[1] or 0) for key in distinct}
    return {key: number for number, key in enumerate(distinct)}
