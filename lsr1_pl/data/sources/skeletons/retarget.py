"""A recording of any skeleton as poses of SMPL's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lsr1_pl.body.skeleton import PARENTS, SMPL_JOINTS
from lsr1_pl.data.sources.bvh import BVH
from lsr1_pl.data.sources.skeletons.joint_map import SIDES, JointMap, Roles
from lsr1_pl.data.sources.skeletons.limbs import LIMBS, limb_rotations, swing, unit
from lsr1_pl.data.sources.skeletons.reference import (
    Reference,
    metres_per_unit,
    reference_pose,
    upright,
)
from lsr1_pl.ground.errors import UserError

Floats = NDArray[np.float64]

FPS = 30.0
"""Frames a second of what comes out, unless the recording has fewer."""
_SLOWEST = 20.0
_SPINE = ("spine1", "spine2", "spine3")


@dataclass(frozen=True)
class Retargeted:
    """n frames as SMPL's poses."""

    poses: Floats
    """(n, 72) axis-angle in radians, root first, y up."""
    trans: Floats
    """(n, 3) of the root, in metres."""
    fps: float
    """Frames a second."""
    read_as: str
    """What was found out about the file: map, vertical axis, unit, reference pose."""


def retarget(
    recording: BVH, joints: JointMap, rest_joints: Floats, fps: float | None = None
) -> Retargeted:
    """A recording as SMPL's poses, at 30 frames a second.

    Limbs point where the recording's point. Trunk, neck and head turn from the T-pose on as the
    recording's do from its reference pose on.

    Args:
        recording: of any skeleton.
        joints: which of its joints is which.
        rest_joints: (24, 3) of the body that the poses are for, in metres.
        fps: its frames a second, where the file's own frame time is wrong.

    Raises:
        UserError: a joint is missing, the joints make no rotations, or the recording is too short
            or too slow.
    """
    roles = joints.indices(recording.names)
    turns, places = recording.world()
    rest = dict(zip(SMPL_JOINTS, rest_joints, strict=True))
    try:
        reference = reference_pose(recording, roles, joints.t_pose_first, turns, places)
        frames, rate = _frames(recording, reference.is_first_frame, fps)
        world = _trunk_rotations(roles, reference, turns, places, rest)
        for limb in LIMBS:
            world |= limb_rotations(limb, recording, roles, reference, turns, places, rest)
        turn, up = upright(reference, roles, turns, joints)
        poses = _local_pose(world, turn, frames)
    except ValueError as error:
        reason = str(error).split(":")[0]
        raise UserError(f"its joints make no rotations ({reason})") from None
    metres, unit = metres_per_unit(reference, roles, rest, joints)
    trans = places[frames, roles.joints["pelvis"]] @ turn.T * metres
    with np.errstate(over="ignore"):
        if not np.isfinite(trans.astype(np.float32)).all():
            raise UserError("its root moves beyond single precision")
    pose = "T-pose first" if reference.is_first_frame else "zero pose"
    return Retargeted(poses, trans, rate, f"map {joints.name}, {up} up, {unit}, {pose}")


def _frames(
    recording: BVH, without_first: bool, fps: float | None
) -> tuple[NDArray[np.intp], float]:
    """The frames nearest to each 1/30 s, and their rate; all where the recording is slower."""
    rate = 1 / recording.frame_time if fps is None else fps
    # Files round the frame time: 0.0083333 s is 120 frames a second, not 120.0005.
    if abs(rate - round(rate)) < 1e-3 * rate:
        rate = round(rate)
    if rate < _SLOWEST:
        raise UserError(f"has {rate:.1f} frames a second; expected {_SLOWEST:.0f} or more")
    first = int(without_first)
    last = len(recording.frames) - 1 - first
    if last < 0:
        raise UserError("has one frame only; expected the T-pose and motion after it")
    step = max(rate / FPS, 1.0)
    count = int(last / step + 1e-9) + 1
    wanted = np.rint(np.arange(count) * step).astype(np.intp)
    return first + np.minimum(wanted, last), min(rate, FPS)


def _trunk_rotations(
    roles: Roles,
    reference: Reference,
    turns: Floats,
    places: Floats,
    rest: Mapping[str, Floats],
) -> dict[str, Floats]:
    """World rotations (n, 3, 3) of pelvis, spine, neck, head and collars, from the T-pose on."""

    def since(joint: int) -> Floats:
        moved: Floats = turns[:, joint] @ (reference.turns[joint].T @ reference.axes.T)
        return moved

    pelvis, head = since(roles.joints["pelvis"]), since(roles.joints["head"])
    chain = [pelvis, *(since(joint) for joint in roles.spine)]
    world = {"pelvis": pelvis, "head": head}
    for number, name in enumerate(_SPINE, 1):
        world[name] = _along(chain, number / len(_SPINE))
    chest = world["spine3"]
    world["neck"] = since(roles.neck[-1]) if roles.neck else _along([chest, head], 0.5)
    for side in SIDES:
        name = f"{side}_collar"
        collar, shoulder = roles.joints.get(name), roles.joints[f"{side}_shoulder"]
        bone = rest[f"{side}_shoulder"] - rest[name]
        if collar is None:
            world[name] = chest
        elif reference.alike(reference.direction(collar, shoulder), bone):
            world[name] = since(collar)
        else:
            # The reference does not tell how the collar stands: it points where the bone does.
            world[name] = _towards(chest, bone, places[:, shoulder] - places[:, collar])
    return world


def _along(chain: list[Floats], share: float) -> Floats:
    """(n, 3, 3) a chain of rotations at a share of its length, between two of them if need be."""
    place = share * (len(chain) - 1)
    below = min(int(place + 1e-9), len(chain) - 1)
    rest = place - below
    if rest < 1e-9:
        return chain[below]
    start, end = Rotation.from_matrix(chain[below]), Rotation.from_matrix(chain[below + 1])
    between: Floats = (start * (start.inv() * end) ** rest).as_matrix()
    return between


def _towards(chest: Floats, bone: Floats, direction: Floats) -> Floats:
    """(n, 3, 3) the chest's rotation and the smallest one after it that aims a bone."""
    return swing(unit(chest @ bone), unit(direction)) @ chest


def _local_pose(
    world: Mapping[str, Floats], upright_turn: Floats, frames: NDArray[np.intp]
) -> Floats:
    pose = np.empty((len(frames), len(SMPL_JOINTS), 3))
    for joint, (name, parent) in enumerate(zip(SMPL_JOINTS, PARENTS, strict=True)):
        own = world[name][frames]
        if parent >= 0:
            own = world[SMPL_JOINTS[parent]][frames].transpose(0, 2, 1) @ own
        else:
            own = upright_turn @ own
        pose[:, joint] = Rotation.from_matrix(own).as_rotvec()
    return pose.reshape(len(frames), -1)
