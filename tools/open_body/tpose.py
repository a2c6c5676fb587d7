"""Bring MakeHuman's relaxed rest pose into SMPL's T-pose."""

from __future__ import annotations

import numpy as np

from open_body.makehuman import Floats, Source
from open_body.skeleton import MIRROR, mirrored_bone

# Directions of the left limbs in the T-pose; the right's are mirrored.
_THIGH = np.array([0.05, -1.0, 0.0])
_SHIN = np.array([0.0, -1.0, -0.03])
_ARM = np.array([1.0, 0.0, 0.0])

# Rest poses differ by a roll of the hand; each arm bone takes its share, or the forearm wrings.
_ROLL_SHARE = {"upperarm01": 0.1, "upperarm02": 0.3, "lowerarm01": 0.55, "lowerarm02": 0.85}


def bone_rotations(source: Source, heads: Floats) -> Floats:
    """(N, nb, 3) bones' heads -> (N, nb, 3, 3) world rotations from the rest pose to the T-pose."""

    def head(bone: str) -> Floats:
        place: Floats = heads[:, source.bones.index(bone)]
        return place

    knee, elbow, wrist = head("lowerleg01.L"), head("lowerarm01.L"), head("wrist.L")
    thigh = _between(knee - head("upperleg01.L"), _THIGH)
    shin = _between(head("foot.L") - knee, _SHIN)
    upper_arm = _between(elbow - head("upperarm01.L"), _ARM)
    forearm = _between(_turn(upper_arm, wrist - elbow), _ARM) @ upper_arm
    hand = _between(_turn(forearm, head("finger3-1.L") - wrist), _ARM) @ forearm
    across = _turn(hand, head("finger2-1.L") - head("finger5-1.L"))
    roll = np.arctan2(across[:, 1], across[:, 2])

    left = {"upperleg01": thigh, "upperleg02": thigh, "lowerleg01": shin, "lowerleg02": shin}
    for bone, share in _ROLL_SHARE.items():
        left[bone] = _about_x(share * roll) @ (upper_arm if bone.startswith("upper") else forearm)
    left["wrist"] = _about_x(roll) @ hand

    world = np.tile(np.eye(3), (*heads.shape[:2], 1, 1))
    for index, bone in enumerate(source.bones):
        stem, _, side = bone.rpartition(".")
        if side == "L" and (stem in left or stem.startswith(("finger", "metacarpal"))):
            world[:, index] = left.get(stem, left["wrist"])
            other = source.bones.index(mirrored_bone(bone))
            world[:, other] = MIRROR @ world[:, index] @ MIRROR
    return world


def posed_heads(source: Source, heads: Floats, world: Floats) -> Floats:
    """(N, nb, 3) heads in the T-pose: forward kinematics, the root stays where it is."""
    posed = heads.copy()
    for index, parent in enumerate(source.parents):
        if parent >= 0:
            offset = heads[:, index] - heads[:, parent]
            posed[:, index] = posed[:, parent] + _turn(world[:, parent], offset)
    return posed


def posed_vertices(
    vertices: Floats, skin: Floats, heads: Floats, posed: Floats, world: Floats
) -> Floats:
    """Linear blend skinning of (N, V, 3) by (V, nb) weights -> (N, V, 3)."""
    result = np.zeros_like(vertices)
    for bone in np.flatnonzero(skin.any(axis=0)):
        rows = np.flatnonzero(skin[:, bone])
        local = vertices[:, rows] - heads[:, None, bone]
        moved = local @ world[:, bone].transpose(0, 2, 1) + posed[:, None, bone]
        result[:, rows] += skin[rows, bone, None] * moved
    return result


def _turn(rotation: Floats, vector: Floats) -> Floats:
    turned: Floats = np.einsum("nij,nj->ni", rotation, vector)
    return turned


def _between(vectors: Floats, direction: Floats) -> Floats:
    """(N, 3, 3) smallest rotations that bring (N, 3) vectors to one direction."""
    a = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    b = np.broadcast_to(direction / np.linalg.norm(direction), a.shape)
    axis, cosine = np.cross(a, b), (a * b).sum(axis=1)
    cross = np.zeros((len(a), 3, 3))
    cross[:, [2, 0, 1], [1, 2, 0]] = axis
    cross[:, [1, 2, 0], [2, 0, 1]] = -axis
    return np.eye(3) + cross + cross @ cross / (1 + cosine)[:, None, None]


def _about_x(angles: Floats) -> Floats:
    c, s, zero, one = np.cos(angles), np.sin(angles), 0 * angles, 0 * angles + 1
    return np.array([[one, zero, zero], [zero, c, -s], [zero, s, c]]).transpose(2, 0, 1)
