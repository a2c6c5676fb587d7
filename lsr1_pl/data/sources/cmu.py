"""CMU motion capture (BVH) retargeted to SMPL's pose.

Directions of the limbs come from the recording's joint positions and so are exact. Their twist
comes from the hinges: elbows and knees of this database bend about one axis, fixed in the upper
bone, which is estimated from all frames of a recording. Turning that axis onto SMPL's leaves
elbows and knees with nothing but their flexion (and the forearm's pronation), and a foot with no
roll about its own length, where the recordings flip by half turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lsr1_pl.body.skeleton import PARENTS, SMPL_JOINTS
from lsr1_pl.data.sources.bvh import BVH
from lsr1_pl.ground.errors import UserError

Floats = NDArray[np.float64]

FPS = 30.0
METRES_PER_UNIT = 0.0254 / 0.45
ACKNOWLEDGEMENT = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. The database was created "
    "with funding from NSF EIA-0196217. It may be copied, modified and redistributed without "
    "permission; it may not be resold as such."
)

_FOLLOWS = {
    "pelvis": "Hips",
    "spine1": "LowerBack",
    "spine2": "Spine",
    "spine3": "Spine1",
    "neck": "Neck1",
    "head": "Head",
    "left_collar": "LeftShoulder",
    "right_collar": "RightShoulder",
}
"""SMPL joints that turn, from the T-pose on, just as a joint of the recording does."""


@dataclass(frozen=True)
class _Limb:
    """A chain upper, lower, end, tip that bends at a hinge."""

    joints: tuple[str, str, str, str]
    """Four joints of SMPL, by name."""
    sources: tuple[str, str, str, str]
    """The joints of the recording, likewise; the last is what the end points to."""
    hinge: tuple[float, float, float]
    """The axis, in SMPL's T-pose, about which the lower bone flexes."""


_LIMBS = tuple(
    limb
    for side, name in (("left", "Left"), ("right", "Right"))
    for limb in (
        _Limb(
            (f"{side}_hip", f"{side}_knee", f"{side}_ankle", f"{side}_foot"),
            (f"{name}UpLeg", f"{name}Leg", f"{name}Foot", f"{name}ToeBase"),
            (1.0, 0.0, 0.0),
        ),
        _Limb(
            (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist", f"{side}_hand"),
            (f"{name}Arm", f"{name}ForeArm", f"{name}Hand", f"{name}HandIndex1"),
            (0.0, -1.0 if side == "left" else 1.0, 0.0),
        ),
    )
)
_NEEDED = (*_FOLLOWS.values(), *(source for limb in _LIMBS for source in limb.sources))

_HINGE_PRIOR = 0.05
"""Weight of the T-pose's axis against the sine of the flexion: decides for limbs never bent."""
_LARGEST_BEND_BACK = 0.3
"""Sine of the angle by which a knee or an elbow may bend the wrong way."""
_MIDDLE_PRONATION = np.radians(60.0)
"""Of the left hand against the lower arm's hinge: the middle of what recordings show."""
_LARGEST_TILT = 0.6
"""Sine of the angle by which the first frame's limbs may miss the T-pose."""
_SLOWEST = 25.0


def retarget(recording: BVH, rest_joints: Floats) -> tuple[Floats, Floats]:
    """SMPL poses at 30 frames a second of a recording whose first frame is the T-pose.

    Args:
        recording: CMU's skeleton, y up, facing +z in the T-pose, which is left out.
        rest_joints: (24, 3) of the body that the poses are for, in metres.

    Returns:
        Poses (n, 72) in radians and root translations (n, 3) in metres.

    Raises:
        UserError: joints are missing or make no rotations, the first frame is no T-pose, or the
            recording is too short or too slow.
    """
    missing = sorted(set(_NEEDED) - set(recording.names))
    if missing:
        raise UserError(f"lacks the joints {', '.join(missing)}; expected CMU's skeleton")
    frames = _frames_at(FPS, recording)
    turns, places = recording.world()
    turn = {name: turns[:, i] for i, name in enumerate(recording.names)}
    place = {name: places[:, i] for i, name in enumerate(recording.names)}
    _check_t_pose(place)

    rest = dict(zip(SMPL_JOINTS, rest_joints, strict=True))
    since_t_pose = {name: value @ value[0].T for name, value in turn.items()}
    world = {joint: since_t_pose[source] for joint, source in _FOLLOWS.items()}
    try:
        for limb in _LIMBS:
            world |= _limb_rotations(limb, turn, place, rest)
        poses = _local_pose(world, frames)
    except ValueError as error:
        reason = str(error).split(":")[0]
        raise UserError(f"its joints make no rotations ({reason})") from None
    trans = places[frames, 0] * METRES_PER_UNIT
    with np.errstate(over="ignore"):
        if not np.isfinite(trans.astype(np.float32)).all():
            raise UserError("its root moves beyond single precision")
    return poses, trans


def _frames_at(fps: float, recording: BVH) -> NDArray[np.intp]:
    """The frames nearest to each 1/fps, the T-pose left out."""
    rate = 1 / recording.frame_time
    # Files round the frame time: 0.0083333 s is 120 frames a second, not 120.0005.
    if abs(rate - round(rate)) < 1e-3 * rate:
        rate = round(rate)
    if rate < _SLOWEST:
        raise UserError(f"has {rate:.1f} frames a second; expected {_SLOWEST:.0f} or more")
    last = len(recording.frames) - 2
    if last < 0:
        raise UserError("has one frame only; expected the T-pose and motion after it")
    step = rate / fps
    count = int(last / step + 1e-9) + 1
    wanted = np.rint(np.arange(count) * step).astype(np.intp)
    return 1 + np.minimum(wanted, last)


def _check_t_pose(place: Mapping[str, Floats]) -> None:
    for start, end, expected in (
        ("LeftArm", "LeftHand", (1.0, 0.0, 0.0)),
        ("RightArm", "RightHand", (-1.0, 0.0, 0.0)),
        ("LeftUpLeg", "LeftFoot", (0.0, -1.0, 0.0)),
        ("RightUpLeg", "RightFoot", (0.0, -1.0, 0.0)),
    ):
        direction = _unit(place[end][0] - place[start][0])
        if np.linalg.norm(np.cross(direction, expected)) > _LARGEST_TILT or (
            direction @ np.array(expected) < 0
        ):
            raise UserError(
                f"{start} to {end} points to {direction.round(2)} in the first frame, the T-pose "
                f"to {expected}; expected the T-pose first, y up, facing +z"
            )


def _limb_rotations(
    limb: _Limb, turn: Mapping[str, Floats], place: Mapping[str, Floats], rest: Mapping[str, Floats]
) -> dict[str, Floats]:
    """World rotations (n, 3, 3) of a limb's four joints."""
    upper, lower, end, tip = limb.sources
    directions = [_unit(place[b] - place[a]) for a, b in ((upper, lower), (lower, end), (end, tip))]
    joints = limb.joints
    rests = [_unit(rest[b] - rest[a]) for a, b in pairwise(joints)]
    hinge = _hinge_axis(turn[upper], directions[0], directions[1], np.array(limb.hinge))
    upper_turn = _frame(directions[0], hinge) @ _frame(rests[0], np.array(limb.hinge)).T
    lower_turn = _frame(directions[1], hinge) @ _frame(rests[1], np.array(limb.hinge)).T
    if end.endswith("Foot"):
        end_turn = _swing(lower_turn @ rests[2], directions[2]) @ lower_turn
        toes = (turn[tip] @ turn[tip][0].T)[:, :, 2]
        tip_turn = _swing(end_turn[:, :, 2], toes) @ end_turn
    else:
        # In both T-poses the thumbs point forward.
        thumb = (turn[end] @ turn[end][0].T)[:, :, 2]
        end_turn = _frame(directions[2], thumb) @ _frame(rests[2], np.array([0.0, 0.0, 1.0])).T
        lower_turn = _half_pronation(lower_turn, end_turn, rests[1], directions[1])
        tip_turn = end_turn
    return dict(zip(joints, (upper_turn, lower_turn, end_turn, tip_turn), strict=True))


def _hinge_axis(upper: Floats, above: Floats, below: Floats, t_pose_axis: Floats) -> Floats:
    """(n, 3) the world axis of a hinge fixed in the upper bone; exact where the limb is bent.

    In some frames the recording's upper bone is turned by half a turn about its own length. There
    the limb bends against the hinge, as no knee and no elbow can, and the axis is turned back.
    """
    bends = np.cross(above, below)
    bending = np.einsum("nji,nj->ni", upper, bends).mean(axis=0)
    fixed = _unit(bending + _HINGE_PRIOR * (upper[0].T @ t_pose_axis))
    axis: Floats = upper @ fixed
    axis[(bends * axis).sum(axis=1) < -_LARGEST_BEND_BACK] *= -1
    return axis


def _half_pronation(lower: Floats, end: Floats, rest: Floats, direction: Floats) -> Floats:
    """The lower arm with half of the twist that the hand has against it, as real arms share it."""
    relative = Rotation.from_matrix(lower.transpose(0, 2, 1) @ end).as_quat()
    twist = 2 * np.arctan2(relative[:, :3] @ rest, relative[:, 3])
    # Around the recording's own mean, so that no hand comes to where the angle would jump.
    mean = np.angle(np.exp(1j * twist[1:]).mean())
    mean = _near(np.sign(rest[0]) * _MIDDLE_PRONATION, mean)
    twist = _near(mean, twist)
    half: Floats = Rotation.from_rotvec(0.5 * twist[:, None] * direction).as_matrix()
    return half @ lower


def _near(middle: float, angles: Floats) -> Floats:
    """The angles, in radians, within half a turn of ``middle``."""
    turned: Floats = (angles - middle + np.pi) % (2 * np.pi) - np.pi + middle
    return turned


def _local_pose(world: Mapping[str, Floats], frames: NDArray[np.intp]) -> Floats:
    pose = np.empty((len(frames), len(SMPL_JOINTS), 3))
    for joint, (name, parent) in enumerate(zip(SMPL_JOINTS, PARENTS, strict=True)):
        own = world[name][frames]
        if parent >= 0:
            own = world[SMPL_JOINTS[parent]][frames].transpose(0, 2, 1) @ own
        pose[:, joint] = Rotation.from_matrix(own).as_rotvec()
    return pose.reshape(len(frames), -1)


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Floats = vectors / np.maximum(lengths, 1e-12)
    return result


def _frame(along: Floats, beside: Floats) -> Floats:
    """(..., 3, 3) with ``along`` as first column and ``beside``, made orthogonal, as second."""
    second = _unit(beside - (beside * along).sum(axis=-1, keepdims=True) * along)
    return np.stack([along, second, np.cross(along, second)], axis=-1)


def _swing(start: Floats, end: Floats) -> Floats:
    """(n, 3, 3) the smallest rotations that take unit vectors ``start`` to ``end``, both (n, 3)."""
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine, (start * end).sum(axis=1, keepdims=True))
    matrices: Floats = Rotation.from_rotvec(axis / np.maximum(sine, 1e-12) * angle).as_matrix()
    return matrices
