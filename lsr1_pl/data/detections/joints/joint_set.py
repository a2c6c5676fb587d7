"""A joint set: how many keypoints a person has, and which of them are joints that a fit uses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.detections.joints.names import known_joints


@dataclass(frozen=True)
class JointSet:
    """The order of a detector's or a data set's keypoints.

    Args:
        name: as ``--joints`` takes it.
        names: of the keypoints, in any spelling; those that a fit does not use may be missing
            at the end.
        size: how many keypoints a person has; as many as there are names unless it is given.
        exact_sides: False where versions of the set list left and right in different orders, so
            that the count alone does not tell which is which.
        points: the family of detectors, of those that `lsr1_pl.hmr.fitting.points` lists, whose
            points of the body these are; empty where the set does not say.
    """

    name: str
    names: tuple[str, ...]
    size: int = 0
    exact_sides: bool = True
    points: str = ""

    @property
    def count(self) -> int:
        """How many keypoints a person has."""
        return self.size or len(self.names)

    @cached_property
    def rows(self) -> dict[str, int]:
        """Joint of OpenPose's 18 -> its place among the keypoints; the neck only if it is given."""
        return known_joints(self.names)

    @property
    def missing(self) -> list[str]:
        """What a fit cannot do without, and the set lacks."""
        needed = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
        lacking = [joint for joint in needed if joint not in self.rows]
        if not lacking and len(self.rows) < _LEAST_JOINTS:
            lacking = [joint for joint in COCO18 if joint not in self.rows and joint != "neck"]
        return lacking


_LEAST_JOINTS = 8
"""The fewest of the 18 joints that a set may have: shoulders, hips and two limbs."""
