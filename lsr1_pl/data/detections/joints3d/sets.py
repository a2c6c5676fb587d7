"""Sets of joints in space, and which point of an SMPL body each joint is.

A motion capture's or a network's joints are not all SMPL's. A point is a mixture of SMPL's joints
and landmarks, and has a weight: less than 1 where sets disagree on where it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lsr1_pl.body.skeleton import COCO18, JOINTS45, SMPL_JOINTS
from lsr1_pl.data.detections.joints.coco import COCO17
from lsr1_pl.data.detections.joints.names import joint_of, shown
from lsr1_pl.data.detections.joints.openpose import BODY_25
from lsr1_pl.ground.choices import unknown_choice
from lsr1_pl.ground.errors import UserError

Mixture = Mapping[str, float]
"""Joints and landmarks of `JOINTS45` -> their shares; the shares sum to 1."""

_LOOSE = 0.3
_NEEDED = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


@dataclass(frozen=True)
class BodyPoint:
    """A point of the body."""

    mixture: Mixture
    weight: float = 1.0
    """In a fit, from 0 to 1; 0 where nobody knows what the joint is."""


UNKNOWN = BodyPoint({"pelvis": 1.0}, 0.0)


@dataclass(frozen=True)
class PointSet:
    """The order of somebody's joints in space.

    Args:
        name: as ``--joints`` takes it.
        names: of the J joints.
        points: of the J joints, on the body.
    """

    name: str
    names: tuple[str, ...]
    points: tuple[BodyPoint, ...]

    @property
    def mixtures(self) -> list[Mixture]:
        """The J points' mixtures."""
        return [point.mixture for point in self.points]

    @cached_property
    def rows(self) -> dict[str, int]:
        """Joint or landmark -> the first point that is exactly it."""
        found: dict[str, int] = {}
        for row, point in enumerate(self.points):
            if len(point.mixture) == 1 and point.weight:
                found.setdefault(next(iter(point.mixture)), row)
        return found

    def in_order_of_18(self) -> list[int]:
        """The row of each of OpenPose's 18, -1 where the set has none that is exactly it."""
        return [self.rows.get(name, -1) for name in COCO18]


def _middle(*joints: str) -> Mixture:
    return {joint: 1 / len(joints) for joint in joints}


_HIPS = _middle("left_hip", "right_hip")
_SHOULDERS = _middle("left_shoulder", "right_shoulder")
_HEAD_TOP: Mixture = {"head": 2.2, "neck": -1.2}

_HUMAN36M = {
    "root": BodyPoint({"pelvis": 0.5, "left_hip": 0.25, "right_hip": 0.25}, _LOOSE),
    "spine": BodyPoint({"spine2": 1.0}, _LOOSE),
    "thorax": BodyPoint({"neck": 0.5, "left_shoulder": 0.25, "right_shoulder": 0.25}, _LOOSE),
    "neck_base": BodyPoint({"head": 0.6, "nose": 0.4}, _LOOSE),
    "head": BodyPoint(_HEAD_TOP, _LOOSE),
}
_OPENPOSE = {
    "neck": BodyPoint(_SHOULDERS),
    "mid_hip": BodyPoint(_HIPS),
    "left_big_toe": BodyPoint({"LBigToe": 1.0}),
    "left_small_toe": BodyPoint({"LSmallToe": 1.0}),
    "left_heel": BodyPoint({"LHeel": 1.0}),
    "right_big_toe": BodyPoint({"RBigToe": 1.0}),
    "right_small_toe": BodyPoint({"RSmallToe": 1.0}),
    "right_heel": BodyPoint({"RHeel": 1.0}),
}
_KINECT = {
    "SpineBase": BodyPoint({"pelvis": 0.5, "left_hip": 0.25, "right_hip": 0.25}, _LOOSE),
    "SpineMid": BodyPoint({"spine2": 1.0}, _LOOSE),
    "SpineShoulder": BodyPoint({"neck": 0.5, "spine3": 0.5}, _LOOSE),
    "Neck": BodyPoint({"neck": 1.0}, _LOOSE),
    "Head": BodyPoint({"head": 1.6, "neck": -0.6}, _LOOSE),
    **{
        f"{part}{Side}": BodyPoint({joint.format(Side.lower(), Side.lower()[0]): 1.0}, weight)
        for Side in ("Left", "Right")
        for part, joint, weight in (
            ("Hand", "{0}_hand", _LOOSE),
            ("HandTip", "{1}middle", _LOOSE),
            ("Thumb", "{1}thumb", _LOOSE),
            ("Foot", "{0}_foot", _LOOSE),
        )
    },
}
H36M17 = (
    *("root", "right_hip", "right_knee", "right_foot", "left_hip", "left_knee", "left_foot"),
    *("spine", "thorax", "neck_base", "head", "left_shoulder", "left_elbow", "left_wrist"),
    *("right_shoulder", "right_elbow", "right_wrist"),
)
KINECT25 = (
    *("SpineBase", "SpineMid", "Neck", "Head"),
    *("ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft"),
    *("ShoulderRight", "ElbowRight", "WristRight", "HandRight"),
    *("HipLeft", "KneeLeft", "AnkleLeft", "FootLeft"),
    *("HipRight", "KneeRight", "AnkleRight", "FootRight"),
    *("SpineShoulder", "HandTipLeft", "ThumbLeft", "HandTipRight", "ThumbRight"),
)


def _limb(name: str) -> BodyPoint:
    """A joint of the limbs or the face that all sets mean alike."""
    joint = joint_of(name)
    if joint in ("left_foot", "right_foot"):
        joint = joint.replace("foot", "ankle")
    return BodyPoint({joint: 1.0}) if joint in JOINTS45 else UNKNOWN


def _set(name: str, names: Sequence[str], own: Mapping[str, BodyPoint]) -> PointSet:
    points = (own.get(each) or own.get(_plain(each)) or _limb(each) for each in names)
    return PointSet(name, tuple(names), tuple(points))


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


_SMPL = {name: BodyPoint({name: 1.0}) for name in SMPL_JOINTS}
POINT_SETS: dict[str, PointSet] = {
    each.name: each
    for each in (
        _set("smpl24", SMPL_JOINTS, _SMPL),
        _set("smpl22", SMPL_JOINTS[:22], _SMPL),
        _set("humanml3d22", SMPL_JOINTS[:22], _SMPL),
        _set("smplx45", JOINTS45, {name: BodyPoint({name: 1.0}) for name in JOINTS45}),
        _set("h36m17", H36M17, _HUMAN36M),
        _set("coco17", COCO17, {}),
        _set("coco18", COCO18, {"neck": BodyPoint(_SHOULDERS)}),
        _set("body25", BODY_25, _OPENPOSE),
        _set("kinect25", KINECT25, _KINECT),
    )
}
"""The sets of joints in space that ``--joints`` names."""

_ELSEWHERE = {
    **_SMPL,
    **_OPENPOSE,
    **dict.fromkeys(("root", "hip", "hips", "mid_hip", "pelvis"), _HUMAN36M["root"]),
    **dict.fromkeys(("spine", "torso", "belly"), _HUMAN36M["spine"]),
    **dict.fromkeys(("thorax", "neck"), _HUMAN36M["thorax"]),
    **dict.fromkeys(("head_top", "top_head"), _HUMAN36M["head"]),
    "head": BodyPoint({"head": 1.6, "neck": -0.6}, _LOOSE),
}
"""What names mean in a set that nobody knows."""


def point_set(name: str) -> PointSet:
    """The set of that name.

    Raises:
        UserError: there is none.
    """
    if name not in POINT_SETS:
        raise unknown_choice("--joints", name, POINT_SETS)
    return POINT_SETS[name]


def named_points(names: Sequence[str], where: str) -> PointSet:
    """The set of a file that names its joints; names that nobody knows do not count.

    Raises:
        UserError: shoulders or hips are missing.
    """
    for each in POINT_SETS.values():
        if each.names == tuple(names):
            return each
    known = {_plain(name) for name in names}
    own = dict(_SMPL if known <= set(SMPL_JOINTS) else _ELSEWHERE)
    for side in ("left", "right"):
        if f"{side}_ankle" not in known and f"{side}_foot" in known:
            # As in Human3.6M, whose feet are ankles.
            own[f"{side}_foot"] = _SMPL[f"{side}_ankle"]
    found = _set("the file's own", names, own)
    lacking = [joint for joint in _NEEDED if joint not in found.rows]
    if lacking:
        raise UserError(
            f"{where}: the joints' names lack {shown(lacking)}; expected shoulders, hips and limbs "
            f"by name. They are: {shown(names)}"
        )
    return found


def counted_points(count: int, where: str) -> PointSet:
    """The set of joints without names, by their number.

    Raises:
        UserError: there is none of that number, or several that are not the same.
    """
    found = [each for each in POINT_SETS.values() if len(each.names) == count]
    if not found:
        known = ", ".join(f"{each.name}" for each in POINT_SETS.values())
        raise UserError(
            f"{where}: {count} joints a person in space, without names; known are {known}. Name "
            "the joints in the file (key 'names'), or say --joints NAME"
        )
    if any(each.points != found[0].points for each in found):
        names = ", ".join(each.name for each in found)
        raise UserError(
            f"{where}: {count} joints a person in space may be {names}; say which by --joints NAME"
        )
    return found[0]
