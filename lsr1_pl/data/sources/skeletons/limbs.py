"""The limbs of a recording as rotations of SMPL's: directions exact, twists by the hinges.

Directions come from the recording's joint positions and so are exact. Twists come from the hinges:
elbows and knees bend about one axis, fixed in the upper bone, which is estimated from all frames of
a recording. Turning that axis onto SMPL's leaves elbows and knees with nothing but their flexion
(and the forearm's pronation), and a foot with no roll about its own length, where recordings flip
by half turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lsr1_pl.data.sources.bvh import BVH
from lsr1_pl.data.sources.skeletons.joint_map import SIDES, Roles
from lsr1_pl.data.sources.skeletons.reference import Reference

Floats = NDArray[np.float64]

_HINGE_PRIOR = 0.05
"""Weight of the T-pose's axis against the sine of the flexion: decides for limbs never bent."""
_LARGEST_BEND_BACK = 0.3
"""Sine of the angle by which a knee or an elbow may bend the wrong way."""
_MIDDLE_PRONATION = np.radians(60.0)
"""Of the left hand against the lower arm's hinge: the middle of what recordings show."""
_MEAN_PRONATION = np.radians(20.0)
"""Of the left hand, as recordings have it on average."""
_NEAR_T_POSE = np.cos(np.radians(37.0))


@dataclass(frozen=True)
class Limb:
    """A chain upper, lower, end, tip that bends at a hinge."""

    side: str
    joints: tuple[str, str, str, str]
    """Four joints of SMPL, without their side; the last is what the end points to."""
    hinge: tuple[float, float, float]
    """The axis, in SMPL's T-pose, about which the lower bone flexes."""

    def names(self) -> tuple[str, ...]:
        """The joints with their side."""
        return tuple(f"{self.side}_{joint}" for joint in self.joints)

    @property
    def is_leg(self) -> bool:
        """Whether it ends in a foot."""
        return self.joints[0] == "hip"


LIMBS = tuple(
    limb
    for side in SIDES
    for limb in (
        Limb(side, ("hip", "knee", "ankle", "foot"), (1.0, 0.0, 0.0)),
        Limb(
            side,
            ("shoulder", "elbow", "wrist", "hand"),
            (0.0, -1.0 if side == "left" else 1.0, 0.0),
        ),
    )
)


def limb_rotations(
    limb: Limb,
    recording: BVH,
    roles: Roles,
    reference: Reference,
    turns: Floats,
    places: Floats,
    rest: Mapping[str, Floats],
) -> dict[str, Floats]:
    """World rotations (n, 3, 3) of a limb's four joints, from SMPL's T-pose on.

    Args:
        limb: which.
        recording: its skeleton.
        roles: which joint is which.
        reference: how the skeleton stands in its reference pose.
        turns: (n, J, 3, 3) world rotations of the recording.
        places: (n, J, 3) world positions.
        rest: SMPL's joints in the T-pose, by name.
    """
    names = limb.names()
    upper, lower, end = (roles.joints[name] for name in names[:3])
    tip = roles.joints.get(names[3])
    rests = [unit(rest[b] - rest[a]) for a, b in pairwise(names)]
    to_t_pose = _to_t_pose(limb, reference.direction(upper, lower), rests[0])
    from_body = reference.axes.T if to_t_pose is None else reference.axes.T @ to_t_pose.T

    def fixed(joint: int, axis: Floats) -> Floats:
        """(n, 3) where an axis of SMPL's T-pose, fixed in a joint, points."""
        moved: Floats = turns[:, joint] @ (reference.turns[joint].T @ from_body @ axis)
        return moved

    above, below = (unit(places[:, b] - places[:, a]) for a, b in ((upper, lower), (lower, end)))
    beyond = _beyond(recording, end, tip, turns, places)
    if beyond is None:
        beyond = fixed(end, rests[2])
    hinge = _hinge_axis(turns[:, upper], above, below, fixed(upper, np.array(limb.hinge)))
    upper_turn = _frame(above, hinge) @ _frame(rests[0], np.array(limb.hinge)).T
    lower_turn = _frame(below, hinge) @ _frame(rests[1], np.array(limb.hinge)).T
    if limb.is_leg:
        end_turn = swing(lower_turn @ rests[2], beyond) @ lower_turn
        tip_turn = end_turn
        if tip is not None and reference.alike(reference.direction(end, tip), rests[2]):
            toes = turns[:, tip] @ (reference.turns[tip].T @ reference.axes[2])
            tip_turn = swing(end_turn[:, :, 2], toes) @ end_turn
    else:
        # In both T-poses the thumbs point forward.
        thumb = fixed(end, np.array([0.0, 0.0, 1.0]))
        end_turn = _frame(beyond, thumb) @ _frame(rests[2], np.array([0.0, 0.0, 1.0])).T
        # Of arms that point anywhere but down or to the side, the reference does not tell it.
        unknown = to_t_pose is not None and reference.direction(upper, lower)[1] > -0.3
        if unknown:
            end_turn = end_turn @ _to_mean_pronation(lower_turn, end_turn, rests)
        lower_turn = _half_pronation(lower_turn, end_turn, rests[1], below)
        tip_turn = end_turn
    return dict(zip(names, (upper_turn, lower_turn, end_turn, tip_turn), strict=True))


def _to_t_pose(limb: Limb, direction: Floats, rest: Floats) -> Floats | None:
    """(3, 3) the swing of the reference's upper bone into the T-pose; None if it stands there."""
    if direction @ rest > _NEAR_T_POSE or not direction.any():
        return None
    if direction @ rest < -0.99:
        # Half a turn has no axis of its own: the hinge stays where it is.
        return Rotation.from_rotvec(np.pi * np.array(limb.hinge)).as_matrix()
    return swing(direction[None], rest[None])[0]


def _beyond(
    recording: BVH, end: int, tip: int | None, turns: Floats, places: Floats
) -> Floats | None:
    """(n, 3) where a hand or a foot points: to its tip, or to its end site; None without one."""
    if tip is not None:
        return unit(places[:, tip] - places[:, end])
    site = recording.ends[end] if recording.ends else None
    if site is None or not any(site):
        return None
    return unit(turns[:, end] @ np.array(site))


def _hinge_axis(upper: Floats, above: Floats, below: Floats, expected: Floats) -> Floats:
    """(n, 3) the world axis of a hinge fixed in the upper bone; exact where the limb is bent.

    In some frames the recording's upper bone is turned by half a turn about its own length. There
    the limb bends against the hinge, as no knee and no elbow can, and the axis is turned back.
    """
    bends = np.cross(above, below)
    bending = np.einsum("nji,nj->ni", upper, bends).mean(axis=0)
    fixed = unit(bending + _HINGE_PRIOR * (upper[0].T @ expected[0]))
    axis: Floats = upper @ fixed
    axis[(bends * axis).sum(axis=1) < -_LARGEST_BEND_BACK] *= -1
    return axis


def _half_pronation(lower: Floats, end: Floats, rest: Floats, direction: Floats) -> Floats:
    """The lower arm with half of the twist that the hand has against it, as real arms share it."""
    twist, _ = _pronation(lower, end, rest)
    half: Floats = Rotation.from_rotvec(0.5 * twist[:, None] * direction).as_matrix()
    return half @ lower


def _to_mean_pronation(lower: Floats, end: Floats, rests: list[Floats]) -> Floats:
    """(3, 3) the turn of the hand about its length that gives it the mean that recordings have."""
    _, mean = _pronation(lower, end, rests[1])
    surplus = mean - np.sign(rests[1][0]) * _MEAN_PRONATION
    turn: Floats = Rotation.from_rotvec(-surplus * rests[2]).as_matrix()
    return turn


def _pronation(lower: Floats, end: Floats, rest: Floats) -> tuple[Floats, float]:
    """(n,) the hand's twist against the lower arm, in radians, and its mean."""
    relative = Rotation.from_matrix(lower.transpose(0, 2, 1) @ end).as_quat()
    twist = 2 * np.arctan2(relative[:, :3] @ rest, relative[:, 3])
    # The first frame may be a T-pose that somebody put there.
    mean = np.angle(np.exp(1j * twist[1 if len(twist) > 1 else 0 :]).mean())
    mean = float(_near(np.sign(rest[0]) * _MIDDLE_PRONATION, mean))
    # Around the recording's own mean, so that no hand comes to where the angle would jump.
    return _near(mean, twist), mean


def _near(middle: float, angles: Floats) -> Floats:
    """The angles, in radians, within half a turn of ``middle``."""
    turned: Floats = (angles - middle + np.pi) % (2 * np.pi) - np.pi + middle
    return turned


def unit(vectors: Floats) -> Floats:
    """The vectors, (..., 3), at length 1; a vector without length stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Floats = vectors / np.maximum(lengths, 1e-12)
    return result


def _frame(along: Floats, beside: Floats) -> Floats:
    """(..., 3, 3) with ``along`` as first column and ``beside``, made orthogonal, as second."""
    second = unit(beside - (beside * along).sum(axis=-1, keepdims=True) * along)
    return np.stack([along, second, np.cross(along, second)], axis=-1)


def swing(start: Floats, end: Floats) -> Floats:
    """(n, 3, 3) the smallest rotations that take unit vectors ``start`` to ``end``, both (n, 3)."""
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine, (start * end).sum(axis=1, keepdims=True))
    matrices: Floats = Rotation.from_rotvec(axis / np.maximum(sine, 1e-12) * angle).as_matrix()
    return matrices
