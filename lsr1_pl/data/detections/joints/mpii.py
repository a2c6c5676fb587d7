"""Data sets of single people: MPII, Leeds Sports, AI Challenger, Human3.6M, JHMDB."""

from __future__ import annotations

from lsr1_pl.data.detections.joints.joint_set import JointSet

_LEGS = ("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle")
_ARMS = (
    *("right_wrist", "right_elbow", "right_shoulder"),
    *("left_shoulder", "left_elbow", "left_wrist"),
)
LSP14: tuple[str, ...] = (*_LEGS, *_ARMS, "neck", "head_top")

SETS = (
    JointSet("mpii16", (*_LEGS, "pelvis", "thorax", "upper_neck", "head_top", *_ARMS)),
    JointSet("lsp14", LSP14),
    JointSet(
        "aic14",
        (
            *("right_shoulder", "right_elbow", "right_wrist"),
            *("left_shoulder", "left_elbow", "left_wrist"),
            *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
            *("head_top", "neck"),
        ),
    ),
    JointSet(
        "h36m17",
        (
            *("root", "right_hip", "right_knee", "right_foot"),
            *("left_hip", "left_knee", "left_foot", "spine", "thorax", "neck_base", "head"),
            *("left_shoulder", "left_elbow", "left_wrist"),
            *("right_shoulder", "right_elbow", "right_wrist"),
        ),
        exact_sides=False,
    ),
    JointSet(
        "jhmdb15",
        (
            *("neck", "belly", "head", "right_shoulder", "left_shoulder", "right_hip", "left_hip"),
            *("right_elbow", "left_elbow", "right_knee", "left_knee"),
            *("right_wrist", "left_wrist", "right_ankle", "left_ankle"),
        ),
    ),
)
