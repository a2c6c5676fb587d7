"""People's keypoints in one order, and what a user should know of how they were read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lsr1_pl.data.detections.formats.arrays import LARGEST_CONFIDENCE
from lsr1_pl.data.detections.frames import Floats, Sighting
from lsr1_pl.data.detections.joints.joint_set import JointSet
from lsr1_pl.data.detections.joints.names import shown
from lsr1_pl.data.detections.joints.order import (
    counted_set,
    filled_up,
    in_order_of_18,
    named_set,
)
from lsr1_pl.ground.errors import UserError

_MANY = 0.1
"""The share of a file's people from which on a joint set that does not fit them is no accident."""


class Ordered(NamedTuple):
    """n people, as a fit reads them."""

    marks: Floats
    """(n, 18, 3) u, v and confidence in OpenPose's order; 0 is not seen."""
    points: str
    """The family of their detector's points; empty where it is not known, or not one."""
    notes: list[str]
    """What the user should know, a sentence each."""


def as_18(
    where: str, people: Sequence[Sighting], frame: Sequence[str], chosen: JointSet | None
) -> Ordered:
    """People in OpenPose's order of 18, by the joints' names or their number.

    Args:
        where: the input, for messages.
        people: n people, each with the names of its joints where the file has them.
        frame: n names of frames, for messages.
        chosen: the joint set that the user named.

    Raises:
        UserError: a joint set is not known or not clear, or it is not the people's.
    """
    groups: dict[tuple[tuple[str, ...] | None, int], list[int]] = defaultdict(list)
    for row, who in enumerate(people):
        groups[who.joints, len(who.marks)].append(row)
    marks = np.zeros((len(people), 18, 3))
    families, notes = set(), []
    counted: dict[str, list[str]] = {}
    for (names, count), rows in groups.items():
        own = np.stack([people[row].marks for row in rows])
        here = [frame[row] for row in rows]
        note = ""
        if chosen is not None:
            joints = chosen
            if count != joints.count:
                where = f"{where}: frames {shown(dict.fromkeys(here))}"
        elif names is not None:
            joints = named_set(names, where)
        else:
            joints, note = counted_set(own, where)
            notes += _filled_up(where, own, here, joints)
            counted[f"{count}, read as {joints.name}"] = here
        marks[rows] = in_order_of_18(own, joints, where)
        families.add(joints.points)
        notes += [note] if note else []
    told = counted.items()
    if len(told) > 1:
        parts = [f"{len(here)} have {what} ({shown(dict.fromkeys(here))})" for what, here in told]
        notes.append(f"People differ in their number of keypoints: {'; '.join(parts)}.")
    notes += _large_confidences(marks[:, :, 2])
    return Ordered(marks, families.pop() if len(families) == 1 else "", notes)


def _large_confidences(confidence: Floats) -> list[str]:
    """A note of percentages, of which 5 is unsure and counts as sure."""
    most = float(confidence.max())
    if most <= LARGEST_CONFIDENCE:
        return []
    return [
        f"The confidences go up to {most:g}, and all above 1 count as sure. If they are "
        "percentages, divide them by 100"
    ]


def _filled_up(where: str, people: Floats, frame: Sequence[str], joints: JointSet) -> list[str]:
    """Refuse people of another set who were filled up to the number of this one; note a few.

    A few of many may be bad detections, which no file should be refused for.
    """
    notes = []
    for name, rows in filled_up(people, joints).items():
        first = shown(dict.fromkeys(frame[row] for row in rows))
        told = (
            f"{len(rows)} of {len(people)} people have {people.shape[1]} keypoints, and those that "
            f"are seen are a body as {name}, none as {joints.name} ({first})"
        )
        if len(rows) >= _MANY * len(people):
            raise UserError(
                f"{where}: {told}. If they were filled up to one number, give each joint set a "
                f"file of its own; if not, say --joints {joints.name}"
            )
        notes.append(f"{told}. They are read as {joints.name}; look at their fits")
    return notes
