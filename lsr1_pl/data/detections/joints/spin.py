"""The orders that SPIN, VIBE and ProHMR keep in their arrays, and SMPL's own joints."""

from __future__ import annotations

from lsr1_pl.body.skeleton import SMPL_JOINTS
from lsr1_pl.data.detections.joints.joint_set import JointSet
from lsr1_pl.data.detections.joints.mpii import LSP14
from lsr1_pl.data.detections.joints.openpose import BODY_25

SPIN24: tuple[str, ...] = (
    *LSP14[:12],
    *("neck", "head_top", "pelvis", "thorax", "spine", "jaw", "head"),
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
)

SETS = (
    JointSet("spin24", SPIN24),
    JointSet("smpl22", SMPL_JOINTS[:22]),
    JointSet("smpl24", SMPL_JOINTS),
    JointSet("prohmr44", BODY_25, 44),
    JointSet("spin49", BODY_25, 49),
)
