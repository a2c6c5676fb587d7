"""A fitted body's motion as BVH (Biovision hierarchy): a skeleton, and the turns of its joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.body import BodyModel
from lsr1_pl.body.skeleton import JOINTS45, PARENTS, SMPL_JOINTS
from lsr1_pl.ground.files import written

_ORDER = "ZXY"
"""Of the turns, as most tools write them."""
_ENDS = {
    "left_foot": "LBigToe",
    "right_foot": "RBigToe",
    "left_hand": "lmiddle",
    "right_hand": "rmiddle",
}
"""Joints at the ends of the tree, and the landmark that each of their bones reaches."""

Floats = NDArray[np.float64]


def write_bvh(
    path: Path, body: BodyModel, pose: Floats, betas: Floats, root: Floats, fps: float
) -> None:
    """One person's motion, written whole or not at all; metres, y up, turns in degrees.

    Joints have SMPL's names. Without turns the skeleton stands in SMPL's zero pose, arms aside, and
    faces +z.

    Args:
        path: of the ``.bvh``.
        body: the body.
        pose: (T, 72) axis-angle in radians, root first.
        betas: (num_betas,) one shape for all frames.
        root: (T, 3) where the pelvis is, metres.
        fps: frames a second.
    """
    offsets, ends = _skeleton(body, betas)
    lines = ["HIERARCHY", *_joint(0, offsets, ends, "")]
    lines += ["MOTION", f"Frames: {len(pose)}", f"Frame Time: {1 / fps:.9f}"]
    turns = _degrees(pose)[:, _tree(0)]
    rows = np.concatenate([root, turns.reshape(len(pose), -1)], axis=1)
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows.tolist()]
    with written(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _children(joint: int) -> list[int]:
    return [child for child, parent in enumerate(PARENTS) if parent == joint]


def _tree(joint: int) -> list[int]:
    """A joint and all beneath it, in the order in which BVH writes them."""
    return [joint, *(below for child in _children(joint) for below in _tree(child))]


def _joint(joint: int, offsets: Floats, ends: dict[int, Floats], indent: str) -> list[str]:
    kind, places = ("JOINT", "") if indent else ("ROOT", "Xposition Yposition Zposition ")
    turns = " ".join(f"{axis}rotation" for axis in _ORDER)
    inner = indent + "  "
    content = [f"OFFSET {_numbers(offsets[joint])}"]
    content.append(f"CHANNELS {6 if places else 3} {places}{turns}")
    lines = [inner + line for line in content]
    for child in _children(joint):
        lines += _joint(child, offsets, ends, inner)
    if joint in ends:
        end = ["End Site", "{", f"  OFFSET {_numbers(ends[joint])}", "}"]
        lines += [inner + line for line in end]
    return [f"{indent}{kind} {SMPL_JOINTS[joint]}", indent + "{", *lines, indent + "}"]


def _numbers(values: Floats) -> str:
    return " ".join(f"{value:.6f}" for value in values.tolist())


@torch.no_grad()
def _skeleton(body: BodyModel, betas: Floats) -> tuple[Floats, dict[int, Floats]]:
    """(24, 3) each joint from its parent, the root at 0; and where the last bones end."""
    shape = torch.from_numpy(betas).to(body.weights.dtype).unsqueeze(0)
    zero = torch.zeros(1, 72, dtype=shape.dtype)
    joints = body.joints(zero, shape)[0].double().numpy()
    offsets = joints[: len(PARENTS)] - joints[list(PARENTS)]
    offsets[0] = 0.0
    ends = {
        SMPL_JOINTS.index(joint): joints[JOINTS45.index(mark)] - joints[SMPL_JOINTS.index(joint)]
        for joint, mark in _ENDS.items()
    }
    head = SMPL_JOINTS.index("head")
    crown = float(body.vertices(zero, shape)[0, :, 1].max())
    ends[head] = np.array([0.0, crown - joints[head, 1], 0.0])
    return offsets, ends


def _degrees(pose: Floats) -> Floats:
    """(T, 72) -> (T, 24, 3) Euler angles, without jumps of a turn from frame to frame."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix()
    angles = _euler(turns).reshape(len(pose), -1, 3)
    unwrapped: Floats = np.unwrap(angles, period=360.0, axis=0)
    return unwrapped


def _euler(turns: Floats) -> Floats:
    """Angles (n, 3) in degrees of rotations (n, 3, 3), about Z, then X, then Y, each as turned.

    R = Rz Rx Ry. Where x is a right angle, z and y turn about one axis, and z makes the whole turn.
    """
    x = np.arcsin(turns[:, 2, 1].clip(-1, 1))
    locked = np.abs(turns[:, 2, 1]) > 1 - 1e-9
    z = np.where(
        locked,
        np.arctan2(turns[:, 1, 0], turns[:, 0, 0]),
        np.arctan2(-turns[:, 0, 1], turns[:, 1, 1]),
    )
    y = np.where(locked, 0.0, np.arctan2(-turns[:, 2, 0], turns[:, 2, 2]))
    return np.degrees(np.stack([z, x, y], axis=1))
