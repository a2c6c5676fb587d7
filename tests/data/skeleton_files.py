"""Small recordings of other people's skeletons, made by the tests: joints, zero poses and a pose.

A skeleton is a table of joints: name, parent, and the offset from the parent in the zero pose. Its
frames are made the long way: the pose is wanted as directions of bones in the world, and each
joint is turned so that its bone points there.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

Vector = tuple[float, float, float]

LIMBS = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
_PLACES: dict[str, Vector] = {
    "hip": (9.0, -6.0, 0.0),
    "knee": (9.0, -48.0, 0.0),
    "ankle": (9.0, -90.0, 0.0),
    "foot": (9.0, -96.0, 13.0),
    "collar": (3.0, 40.0, 0.0),
    "shoulder": (16.0, 42.0, 0.0),
    "elbow": (44.0, 42.0, 0.0),
    "wrist": (70.0, 42.0, 0.0),
}
"""Centimetres from the pelvis in a T-pose, on the left; y up, facing z."""


@dataclass(frozen=True)
class Made:
    """A skeleton of a known kind."""

    pelvis: str
    spine: tuple[str, ...]
    neck: tuple[str, ...]
    head: str
    limbs: dict[str, str]
    """SMPL's joint, with its side -> the name."""
    above: str | None = None
    """A root above the pelvis."""

    def joints(self) -> list[tuple[str, str | None, Vector]]:
        """Name, parent, and place in the T-pose."""
        rows: list[tuple[str, str | None, Vector]] = []
        if self.above:
            rows.append((self.above, None, (0.0, 0.0, 0.0)))
        rows.append((self.pelvis, self.above, (0.0, 0.0, 0.0)))
        parent = self.pelvis
        for number, name in enumerate(self.spine, 1):
            rows.append((name, parent, (0.0, 38.0 * number / len(self.spine), 0.0)))
            parent = name
        chest = parent
        for number, name in enumerate(self.neck):
            rows.append((name, parent, (0.0, 46.0 + 4 * number, 0.0)))
            parent = name
        rows.append((self.head, parent, (0.0, 58.0, 0.0)))
        for side, sign in (("left", 1.0), ("right", -1.0)):
            for chain, top in ((LIMBS[:4], self.pelvis), (LIMBS[4:], chest)):
                parent = top
                for joint in chain:
                    name = self.limbs.get(f"{side}_{joint}")
                    if name is None:
                        continue
                    x, y, z = _PLACES[joint]
                    rows.append((name, parent, (sign * x, y, z)))
                    parent = name
        return rows


def named(
    trunk: str, limbs: str, sides: tuple[str, str] = ("Left", "Right"), above: str | None = None
) -> Made:
    """A skeleton: pelvis | spine | neck | head, and the names of ``LIMBS``, {0} for the side."""
    pelvis, spine, neck, head = (part.split() for part in trunk.split("|"))
    names = {
        f"{side}_{joint}": pattern.format(word)
        for side, word in zip(("left", "right"), sides, strict=True)
        for joint, pattern in zip(LIMBS, limbs.split(), strict=True)
    }
    return Made(pelvis[0], tuple(spine), tuple(neck), head[0], names, above)


WORDS = "{0}UpLeg {0}Leg {0}Foot {0}ToeBase {0}Shoulder {0}Arm {0}ForeArm {0}Hand"
KINDS: dict[str, Made] = {
    "mixamo": named(
        "mixamorig:Hips | mixamorig:Spine mixamorig:Spine1 mixamorig:Spine2 | mixamorig:Neck | "
        "mixamorig:Head",
        " ".join(f"mixamorig:{word}" for word in WORDS.split()),
    ),
    "lafan1": named("Hips | Spine Spine1 Spine2 | Neck | Head", WORDS.replace("ToeBase", "Toe")),
    "rokoko": named(
        "Hips | Spine1 Spine2 Spine3 Spine4 | Neck | Head",
        "{0}Thigh {0}Shin {0}Foot {0}Toe {0}Shoulder {0}Arm {0}ForeArm {0}Hand",
    ),
    "xsens": named(
        "Hips | Chest Chest2 Chest3 Chest4 | Neck | Head",
        "{0}Hip {0}Knee {0}Ankle {0}Toe {0}Collar {0}Shoulder {0}Elbow {0}Wrist",
    ),
    "mvn": named(
        "Pelvis | L5 L3 T12 T8 | Neck | Head",
        "{0}UpperLeg {0}LowerLeg {0}Foot {0}Toe {0}Shoulder {0}UpperArm {0}ForeArm {0}Hand",
    ),
    "bandai-namco": named(
        "Hips | Spine Chest | Neck | Head",
        "UpperLeg_{0} LowerLeg_{0} Foot_{0} Toes_{0} "
        "Shoulder_{0} UpperArm_{0} LowerArm_{0} Hand_{0}",
        ("L", "R"),
        above="joint_Root",
    ),
    "smpl": named(
        "m_avg_Pelvis | m_avg_Spine1 m_avg_Spine2 m_avg_Spine3 | m_avg_Neck | m_avg_Head",
        " ".join(
            f"m_avg_{{0}}_{joint}"
            for joint in ["Hip", "Knee", "Ankle", "Foot", "Collar", "Shoulder", "Elbow", "Wrist"]
        ),
        ("L", "R"),
        above="root",
    ),
    "smplx": named(
        "pelvis | spine1 spine2 spine3 | neck | head",
        " ".join(f"{{0}}_{joint}" for joint in LIMBS),
        ("left", "right"),
    ),
    "asf": named(
        "root | lowerback upperback thorax | lowerneck upperneck | head",
        "{0}femur {0}tibia {0}foot {0}toes {0}clavicle {0}humerus {0}radius {0}wrist",
        ("l", "r"),
    ),
}

HANGING = {
    f"{side}_{joint}": (0.0, -1.0, 0.0)
    for side in ("left", "right")
    for joint in ("shoulder", "elbow")
}
"""A zero pose whose arms hang."""
IN_A_LINE = {
    f"{side}_{joint}": (0.0, 1.0, 0.0)
    for side in ("left", "right")
    for joint in ("hip", "knee", "ankle", "collar", "shoulder", "elbow")
}
"""A zero pose of which all bones point up, as LAFAN1's do."""
Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
LAFAN1_AXES = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""Up along x and left along z, as in LAFAN1's joints."""


def bvh(
    made: Made,
    wanted: list[dict[str, Vector]],
    *,
    zero: dict[str, Vector] | None = None,
    axes: np.ndarray | None = None,
    world: np.ndarray | None = None,
    scale: float = 1.0,
    frame_time: float = 1 / 30,
) -> str:
    """The text of a recording.

    Args:
        made: the skeleton.
        wanted: for each frame, SMPL's joint -> where its bone points in the world, y up; a joint
            that is not named stays as in the T-pose, relative to its parent.
        zero: where bones point in the zero pose, where that is no T-pose.
        axes: (3, 3) columns are where the zero pose has left, up and front; y up, facing z if None.
        world: (3, 3) from y up to the file's world.
        scale: units a centimetre.
        frame_time: seconds.
    """
    axes = np.eye(3) if axes is None else axes
    world = axes if world is None else world
    rows = made.joints()
    name_of = {**made.limbs}
    role_of = {name: role for role, name in name_of.items()}
    place = {name: np.array(where) for name, _, where in rows}
    child = _children(made)
    zero_turn, offsets = _zero_pose(rows, place, role_of, child, zero or {}, axes)
    lines = _hierarchy(rows, offsets, scale)
    frames = []
    for wish in wanted:
        turns: dict[str, np.ndarray] = {}
        values: list[float] = []
        for name in _depth_first(rows):
            parent = next(p for n, p, _ in rows if n == name)
            above = turns[parent] if parent else np.eye(3)
            # ``turns`` are from the T-pose on, in y up; joints that are not named follow.
            turn = above
            role = role_of.get(name)
            if role in wish and name in child:
                bone = place[child[name]] - place[name]
                turn = _swing(above @ bone, np.array(wish[role])) @ above
            turns[name] = turn
            whole = world @ turn @ zero_turn[name]
            parent_whole = world @ above @ zero_turn[parent] if parent else np.eye(3)
            local = Rotation.from_matrix(parent_whole.T @ whole)
            if parent is None:
                values += list(world @ np.array([10.0, 96.0, 20.0]) * scale)
            with warnings.catch_warnings():
                # Gimbal lock: the angles are not the only ones, and right.
                warnings.simplefilter("ignore", UserWarning)
                values += list(local.as_euler("ZXY", degrees=True))
        frames.append(" ".join(f"{value:.6f}" for value in values))
    head = ["MOTION", f"Frames: {len(frames)}", f"Frame Time: {frame_time:.6f}"]
    return "\n".join([*lines, *head, *frames]) + "\n"


def _children(made: Made) -> dict[str, str]:
    """The next joint of each limb."""
    pairs = {}
    for side in ("left", "right"):
        for chain in (LIMBS[:4], LIMBS[4:]):
            for joint, below in pairwise(chain):
                pairs[made.limbs[f"{side}_{joint}"]] = made.limbs[f"{side}_{below}"]
    return pairs


def _zero_pose(rows, place, role_of, child, zero, axes):  # type: ignore[no-untyped-def]
    """Of each joint: from its own axes to the T-pose; and its offset in the zero pose."""
    turn: dict[str, np.ndarray] = {}
    bent: dict[str, np.ndarray] = {}
    for name, parent, _ in rows:
        above = bent[parent] if parent else np.eye(3)
        role = role_of.get(name)
        bent[name] = above
        if role in zero and name in child:
            bone = place[child[name]] - place[name]
            bent[name] = _swing(above @ bone, np.array(zero[role])) @ above
        # Zero pose = axes * bent * T-pose; so the T-pose is (axes * bent)^-1 of the zero pose.
        turn[name] = (axes @ bent[name]).T
    offsets = {}
    for name, parent, _ in rows:
        from_parent = place[name] - (place[parent] if parent else 0.0)
        offsets[name] = (axes @ bent[parent]) @ from_parent if parent else np.zeros(3)
    return turn, offsets


def _depth_first(rows: list[tuple[str, str | None, Vector]]) -> list[str]:
    def below(parent: str | None) -> list[str]:
        return [n for name, p, _ in rows if p == parent for n in (name, *below(name))]

    return below(None)


def _hierarchy(rows, offsets, scale):  # type: ignore[no-untyped-def]
    def joint(name: str, kind: str) -> list[str]:
        places = "6 Xposition Yposition Zposition " if kind == "ROOT" else "3 "
        children = [n for n, parent, _ in rows if parent == name]
        inner = [line for each in children for line in joint(each, "JOINT")]
        return [
            f"{kind} {name}",
            "{",
            "OFFSET {:.6f} {:.6f} {:.6f}".format(*(offsets[name] * scale)),
            f"CHANNELS {places}Zrotation Xrotation Yrotation",
            *(inner or ["End Site", "{", "OFFSET 0 0 0", "}"]),
            "}",
        ]

    return ["HIERARCHY", *joint(rows[0][0], "ROOT")]


def _swing(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        half = Rotation.from_rotvec([np.pi, 0.0, 0.0]).as_matrix()
        return np.eye(3) if start @ end > 0 else half
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, start @ end)).as_matrix()
