"""COCO's keypoints, and the data sets whose order begins with them or is kept in its format."""

from __future__ import annotations

from lsr1_pl.data.detections.joints.joint_set import JointSet

_LIMBS = (
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
    *("left_wrist", "right_wrist", "left_hip", "right_hip"),
    *("left_knee", "right_knee", "left_ankle", "right_ankle"),
)
COCO17: tuple[str, ...] = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", *_LIMBS)
"""The 17 keypoints of the COCO data set in its order; it has no neck."""

HALPE26: tuple[str, ...] = (
    *COCO17,
    *("head", "neck", "hip", "left_big_toe", "right_big_toe"),
    *("left_small_toe", "right_small_toe", "left_heel", "right_heel"),
)

SETS = (
    JointSet("coco17", COCO17),
    JointSet("crowdpose14", (*_LIMBS, "top_head", "neck")),
    JointSet("posetrack17", ("nose", "head_bottom", "head_top", "left_ear", "right_ear", *_LIMBS)),
    JointSet("coco_wholebody133", COCO17, 133),
    JointSet("halpe26", HALPE26),
    JointSet("halpe68", HALPE26, 68),
    JointSet("halpe136", HALPE26, 136),
)
