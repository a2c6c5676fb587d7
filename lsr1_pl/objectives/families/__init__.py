"""Families of problems that resemble each other: what a learned optimiser can learn."""

from lsr1_pl.objectives.families.arm import ArmFamily, ArmPose, hand_pose
from lsr1_pl.objectives.families.family import ProblemFamily, Problems, Split, sampled

__all__ = ["ArmFamily", "ArmPose", "ProblemFamily", "Problems", "Split", "hand_pose", "sampled"]
