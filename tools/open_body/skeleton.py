"""From MakeHuman's 163 bones to SMPL's 24 joints."""

from __future__ import annotations

import numpy as np

from lsr1_pl.body.skeleton import SMPL_JOINTS
from open_body.makehuman import Floats, Source
from open_body.population import Population

MIRROR = np.diag([-1.0, 1.0, 1.0])

# MakeHuman's hips are 0.20 m apart in its mean; hip centres of adults are 0.17 to 0.19 m apart.
_HIP_WIDTH = 0.78

_SIDED = {
    "hip": "upperleg01",
    "knee": "lowerleg01",
    "ankle": "foot",
    "collar": "clavicle",
    "shoulder": "upperarm01",
    "elbow": "lowerarm01",
    "wrist": "wrist",
}
_TOES = tuple(f"toe{i}-1" for i in range(1, 6))
_FINGERS = tuple(f"finger{i}-1" for i in range(1, 6))

# The joint that moves each bone; a bone that is not here follows its parent.
_BONE_JOINT = {
    "root": "pelvis",
    "spine03": "spine1",
    "spine02": "spine2",
    "spine01": "spine3",
    "breast.L": "spine3",
    "breast.R": "spine3",
    "neck01": "neck",
    "head": "head",
}
for _side, _suffix in (("left", "L"), ("right", "R")):
    _BONE_JOINT |= {f"{bone}.{_suffix}": f"{_side}_{joint}" for joint, bone in _SIDED.items()}
    _BONE_JOINT |= {f"{bone}.{_suffix}": f"{_side}_foot" for bone in _TOES}
    _BONE_JOINT |= {f"{bone}.{_suffix}": f"{_side}_hand" for bone in _FINGERS}


def mirrored_bone(bone: str) -> str:
    """The bone's counterpart on the other side; a middle bone is its own."""
    return bone[:-1] + {"L": "R", "R": "L"}[bone[-1]] if bone[-2] == "." else bone


def mirrored_joint(joint: str) -> str:
    """The joint's counterpart on the other side; a middle joint is its own."""
    side, _, name = joint.partition("_")
    return {"left": f"right_{name}", "right": f"left_{name}"}.get(side, joint)


def symmetric_heads(source: Source, population: Population) -> Floats:
    """(N, nb, 3) bones' heads, the right's mirrored from the left's, hips at their true width."""
    heads = population.heads.copy()
    for index, bone in enumerate(source.bones):
        if bone == "upperleg01.L":
            heads[:, index, 0] *= _HIP_WIDTH
        elif bone[-2] != ".":
            heads[:, index, 0] = 0
    for index, bone in enumerate(source.bones):
        if bone.endswith(".R"):
            heads[:, index] = heads[:, source.bones.index(mirrored_bone(bone))] @ MIRROR
    return heads


def joints(source: Source, heads: Floats) -> Floats:
    """(N, nb, 3) bones' heads -> (N, 24, 3) SMPL's joints."""

    def mean(*bones: str) -> Floats:
        picked: Floats = heads[:, [source.bones.index(bone) for bone in bones]].mean(axis=1)
        return picked

    places = {
        "pelvis": mean("spine05", "spine04"),
        "spine1": mean("spine03"),
        "spine2": mean("spine02"),
        "spine3": mean("spine02", "spine01"),
        "neck": mean("neck01"),
        "head": mean("head"),
    }
    for side, suffix in (("left", "L"), ("right", "R")):
        places |= {f"{side}_{joint}": mean(f"{bone}.{suffix}") for joint, bone in _SIDED.items()}
        places[f"{side}_foot"] = mean(*(f"{bone}.{suffix}" for bone in _TOES))
        places[f"{side}_hand"] = mean(*(f"{bone}.{suffix}" for bone in _FINGERS[1:4]))
    return np.stack([places[joint] for joint in SMPL_JOINTS], axis=1)


def joint_weights(source: Source, skin: Floats, heights: Floats, joints24: Floats) -> Floats:
    """Skinning weights over bones -> (V, 24) over joints.

    Args:
        source: names the bones.
        skin: (V, nb).
        heights: (V,) of the mean T-pose.
        joints24: (24, 3) of the mean T-pose.
    """
    weights = np.zeros((len(skin), len(SMPL_JOINTS)))
    owner: dict[str, str] = {}
    for index, bone in enumerate(source.bones):
        parent = source.bones[source.parents[index]] if source.parents[index] >= 0 else ""
        owner[bone] = _BONE_JOINT[bone] if bone in _BONE_JOINT else owner[parent]
        weights[:, SMPL_JOINTS.index(owner[bone])] += skin[:, index]
    # One long bone of MakeHuman spans what spine2 and spine3 move; share it out by height.
    spine2, spine3 = SMPL_JOINTS.index("spine2"), SMPL_JOINTS.index("spine3")
    long_bone = skin[:, source.bones.index("spine02")]
    middle = joints24[spine3, 1]
    share = long_bone * _smooth_step((heights - middle) / 0.12 + 0.5)
    weights[:, spine2] -= share
    weights[:, spine3] += share
    return weights


def _smooth_step(t: Floats) -> Floats:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
