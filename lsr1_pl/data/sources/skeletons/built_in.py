"""The skeletons that are known by name."""

from __future__ import annotations

from collections.abc import Sequence

from lsr1_pl.data.sources.skeletons.joint_map import SIDES, JointMap

_LIMBS = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist", "hand")


def _map(
    name: str,
    trunk: str,
    limbs: str,
    sides: tuple[str, str],
    *,
    subject: str | None = None,
    t_pose_first: bool = False,
) -> JointMap:
    """A map of two lines.

    Args:
        name: of the map.
        trunk: pelvis, spine, neck and head, parted by ``|``; the two in the middle may be several.
        limbs: the joints of ``_LIMBS`` in that order, ``{}`` for the side; ``-`` for none.
        sides: left and right, as the names spell them.
    """
    pelvis, spine, neck, head = (part.split() for part in trunk.split("|"))
    joints = {"pelvis": pelvis[0], "head": head[0]}
    for side, spelled in zip(SIDES, sides, strict=True):
        for joint, pattern in zip(_LIMBS, limbs.split(), strict=True):
            if pattern != "-":
                joints[f"{side}_{joint}"] = pattern.format(spelled)
    return JointMap(
        name, joints, spine, neck, subject=subject, t_pose_first=t_pose_first, may_lack=True
    )


_WORDS, _LETTERS, _SMALL = ("Left", "Right"), ("L", "R"), ("l", "r")

_CMU = (
    _map(
        "cmu",
        "Hips | LowerBack Spine Spine1 | Neck1 | Head",
        "{0}UpLeg {0}Leg {0}Foot {0}ToeBase {0}Shoulder {0}Arm {0}ForeArm {0}Hand {0}HandIndex1",
        _WORDS,
        t_pose_first=True,
    ),
    _map(
        "cmu-3dsmax",
        "Hips | lowerback Chest Chest2 | Neck | Head",
        "{0}Hip {0}Knee {0}Ankle {0}Toe {0}Collar {0}Shoulder {0}Elbow {0}Wrist -",
        _WORDS,
        t_pose_first=True,
    ),
    _map(
        "cmu-daz",
        "hip | abdomen chest | neck | head",
        "{0}Thigh {0}Shin {0}Foot - {0}Collar {0}Shldr {0}ForeArm {0}Hand {0}Mid1",
        _SMALL,
        t_pose_first=True,
    ),
    _map(
        "asf",
        "root | lowerback upperback thorax | upperneck | head",
        "{0}femur {0}tibia {0}foot {0}toes {0}clavicle {0}humerus {0}radius {0}wrist {0}fingers",
        _SMALL,
    ),
)
_OTHERS = (
    _map(
        "mixamo",
        "Hips | Spine Spine1 Spine2 | Neck | Head",
        "{0}UpLeg {0}Leg {0}Foot {0}ToeBase {0}Shoulder {0}Arm {0}ForeArm {0}Hand {0}HandMiddle1",
        _WORDS,
    ),
    _map(
        "lafan1",
        "Hips | Spine Spine1 Spine2 | Neck | Head",
        "{0}UpLeg {0}Leg {0}Foot {0}Toe {0}Shoulder {0}Arm {0}ForeArm {0}Hand -",
        _WORDS,
        subject="(subject[0-9]+)",
    ),
    _map(
        "rokoko",
        "Hips | Spine1 Spine2 Spine3 Spine4 | Neck | Head",
        "{0}Thigh {0}Shin {0}Foot {0}Toe {0}Shoulder {0}Arm {0}ForeArm {0}Hand -",
        _WORDS,
    ),
    _map(
        "xsens",
        "Hips | Chest Chest2 Chest3 Chest4 | Neck | Head",
        "{0}Hip {0}Knee {0}Ankle {0}Toe {0}Collar {0}Shoulder {0}Elbow {0}Wrist -",
        _WORDS,
    ),
    _map(
        "mvn",
        "Pelvis | L5 L3 T12 T8 | Neck | Head",
        "{0}UpperLeg {0}LowerLeg {0}Foot {0}Toe {0}Shoulder {0}UpperArm {0}ForeArm {0}Hand -",
        _WORDS,
    ),
    _map(
        "bandai-namco",
        "Hips | Spine Chest | Neck | Head",
        "UpperLeg_{0} LowerLeg_{0} Foot_{0} Toes_{0} "
        "Shoulder_{0} UpperArm_{0} LowerArm_{0} Hand_{0} -",
        _LETTERS,
    ),
    _map(
        "smpl",
        "Pelvis | Spine1 Spine2 Spine3 | Neck | Head",
        "{0}_Hip {0}_Knee {0}_Ankle {0}_Foot {0}_Collar {0}_Shoulder {0}_Elbow {0}_Wrist {0}_Hand",
        _LETTERS,
    ),
    _map(
        "smplx",
        "pelvis | spine1 spine2 spine3 | neck | head",
        "{0}_hip {0}_knee {0}_ankle {0}_foot {0}_collar {0}_shoulder {0}_elbow {0}_wrist -",
        ("left", "right"),
    ),
)

CMU_MAPS = _CMU
"""Of CMU's recordings, in each form in which they are handed on."""
BUILT_IN = {known.name: known for known in (*_CMU, *_OTHERS)}
ALIASES = {"100style": "xsens", "hdm05": "asf", "mvn-bvh": "xsens"}
"""Data sets by their own names: the skeleton that each uses."""


def built_in_for(names: Sequence[str], known: Sequence[JointMap]) -> JointMap | None:
    """The map with the most joints of a skeleton; None if none fits."""
    best = max(known, key=lambda each: each.fit(names))
    return best if best.fit(names) else None
