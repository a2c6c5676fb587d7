"""From a person's keypoints to OpenPose's 18, by the joints' names or by a set that is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.detections.joints import coco, mediapipe, mpii, openpose, spin
from lsr1_pl.data.detections.joints.joint_set import JointSet
from lsr1_pl.data.detections.joints.names import shown
from lsr1_pl.data.detections.joints.plausible import disorder, disorders
from lsr1_pl.ground.choices import unknown_choice
from lsr1_pl.ground.errors import UserError

Floats = NDArray[np.float64]

JOINT_SETS: dict[str, JointSet] = {
    joints.name: joints
    for family in (coco, openpose, mpii, mediapipe, spin)
    for joints in family.SETS
}
"""The joint sets that ``--joints`` names. Of several with one count the first is the usual one."""

_CLEARLY = 0.8
"""A set fits clearly better than another if its disorder is below this share of the other's."""

_AGAINST_THE_USUAL = 0.5
_MOST_OF_A_BODY = 0.3
"""The disorder above which keypoints are no body in any order."""

_USUAL = ("coco17", "body25")
"""The sets that a bare count means unless the keypoints speak against it."""

_PADDED = ("coco17", "coco18")
"""Sets whose keypoints somebody may have filled up to the number of another set."""

_NEVER_BARE = ("posetrack17",)
"""Sets that differ from a usual one too little to be told from it."""


def joint_set(name: str) -> JointSet:
    """The joint set of that name.

    Raises:
        UserError: there is none.
    """
    if name not in JOINT_SETS:
        raise unknown_choice("--joints", name, JOINT_SETS)
    return JOINT_SETS[name]


def named_set(names: Sequence[str], where: str) -> JointSet:
    """The joint set of a file that names its keypoints.

    Raises:
        UserError: it lacks shoulders or hips, or nearly all else.
    """
    known = (each for each in JOINT_SETS.values() if each.names == tuple(names))
    return _complete(next(known, JointSet("the file's own", tuple(names))), where)


def counted_set(people: Floats, where: str) -> tuple[JointSet, str]:
    """The joint set of a file that says only how many keypoints a person has.

    Sets of one count are told apart by the order in which the keypoints are a body.

    Args:
        people: (n, J, 3) u, v and confidence; 0 is not seen.
        where: the file, for messages.

    Returns:
        The set, and a note for the user where it is not the only one of its count.

    Raises:
        UserError: there is no set of this count, or none that fits clearly best.
    """
    count = people.shape[1]
    found = [x for x in JOINT_SETS.values() if x.count == count and x.name not in _NEVER_BARE]
    if not found:
        counts = sorted({each.count for each in JOINT_SETS.values()})
        raise UserError(
            f"{where}: {count} keypoints a person, without names; known are sets of "
            f"{', '.join(map(str, counts))}. Name the joints in the file, or by --joints"
        )
    if len(found) == 1:
        return found[0], _doubt(people, found[0])
    chaos = np.array([disorder(people, each) for each in found])
    best, usual = int(np.argmin(chaos)), found[0]
    others = np.delete(chaos, best)
    better = chaos[best] < min(_AGAINST_THE_USUAL * chaos[0], _MOST_OF_A_BODY)
    if usual.name in _USUAL and not better:
        return usual, _doubt(people, usual)
    if not found[best].exact_sides:
        raise UserError(
            f"{where}: {count} keypoints a person that are no body as {usual.name}, and are one as "
            f"{found[best].name}, whose left and right are not listed alike everywhere. Name the "
            f"joints in the file, or say --joints {found[best].name} (right side first)"
        )
    if not (chaos[best] < _CLEARLY * others).all():
        names = ", ".join(each.name for each in found)
        raise UserError(
            f"{where}: {count} keypoints a person may be {names}; say which by --joints NAME"
        )
    return found[best], (
        f"{count} keypoints a person are read as {found[best].name}, by how their bones run; "
        "--joints NAME reads them otherwise"
    )


def _doubt(people: Floats, joints: JointSet) -> str:
    """A note, if the keypoints are no body in the only order that is thought of."""
    chaos = disorder(people, joints)
    if not _MOST_OF_A_BODY < chaos < np.inf:
        return ""
    return (
        f"{joints.count} keypoints a person are read as {joints.name}, and are hardly a body in "
        "that order; if it is another, say it by --joints NAME, or name the joints in the file"
    )


def filled_up(people: Floats, joints: JointSet) -> dict[str, NDArray[np.int64]]:
    """Who has fewer keypoints than ``joints``, filled up to their number: likeliest set -> rows.

    They are a body in that smaller set, and none in this one. On open motion 95 to 99 % of such
    people are found, and none of 400 whose other keypoints are hidden.

    Args:
        people: (n, J, 3) u, v and confidence; 0 is not seen.
        joints: the set of J keypoints as which they would be read.
    """
    least = np.full(len(people), np.inf)
    best = np.full(len(people), "", dtype=object)
    for less in (JOINT_SETS[name] for name in _PADDED):
        if less.count >= joints.count or less.names == joints.names[: less.count]:
            continue
        rows = np.flatnonzero(~(people[:, less.count :, 2] > 0).any(axis=1))
        chaos = disorders(people[rows], joints)
        others = disorders(people[rows][:, : less.count], less)
        with np.errstate(invalid="ignore"):
            fits = (chaos > _MOST_OF_A_BODY) & (others < _AGAINST_THE_USUAL * chaos)
        fits &= others < least[rows]
        least[rows[fits]] = others[fits]
        best[rows[fits]] = less.name
    return {name: np.flatnonzero(best == name) for name in _PADDED if (best == name).any()}


def in_order_of_18(people: Floats, joints: JointSet, where: str) -> Floats:
    """(n, J, 3) u, v and confidence -> (n, 18, 3) in OpenPose's order.

    The neck is the middle of the shoulders where the set has none, as sure as the less sure one.
    Joints that the set lacks stand at 0 with confidence 0.

    Raises:
        UserError: ``people`` has another number of keypoints, or the set lacks too much.
    """
    if people.shape[1] != joints.count:
        raise UserError(
            f"{where}: {people.shape[1]} keypoints a person; {joints.name} has {joints.count}"
        )
    rows = _complete(joints, where).rows
    ordered = np.zeros((len(people), len(COCO18), 3))
    for place, name in enumerate(COCO18):
        if name in rows:
            ordered[:, place] = people[:, rows[name]]
    if "neck" not in rows:
        both = people[:, [rows["left_shoulder"], rows["right_shoulder"]]]
        neck = COCO18.index("neck")
        ordered[:, neck, :2] = both[:, :, :2].mean(axis=1)
        ordered[:, neck, 2] = both[:, :, 2].min(axis=1)
    return ordered


def _complete(joints: JointSet, where: str) -> JointSet:
    if joints.missing:
        raise UserError(
            f"{where}: the joint set lacks {shown(joints.missing)}; expected shoulders, hips and "
            f"limbs by name. It has: {shown(joints.names)}"
        )
    return joints
