"""OpenPose's models."""

from __future__ import annotations

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.detections.joints.coco import COCO17
from lsr1_pl.data.detections.joints.joint_set import JointSet

_TO_KNEES = (
    *("nose", "neck", "right_shoulder", "right_elbow", "right_wrist"),
    *("left_shoulder", "left_elbow", "left_wrist", "mid_hip"),
)
BODY_19: tuple[str, ...] = (
    *_TO_KNEES,
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
)
"""OpenPose's COCO keypoints with the middle of the hips at 8."""

FEET = (
    *("left_big_toe", "left_small_toe", "left_heel"),
    *("right_big_toe", "right_small_toe", "right_heel"),
)

MPI = (
    *("head", "neck", "right_shoulder", "right_elbow", "right_wrist"),
    *("left_shoulder", "left_elbow", "left_wrist", "right_hip", "right_knee", "right_ankle"),
    *("left_hip", "left_knee", "left_ankle", "chest"),
)
BODY_25: tuple[str, ...] = (*BODY_19, *FEET)
BODY_25B: tuple[str, ...] = (*COCO17, "upper_neck", "head_top", *FEET)

SETS = (
    JointSet("openpose_mpi15", MPI),
    JointSet("coco18", COCO18),
    JointSet("body19", BODY_19),
    JointSet("body25", BODY_25),
    JointSet("body25b", BODY_25B),
    JointSet("body135", BODY_25B, 135),
)
