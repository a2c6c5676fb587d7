"""Families of problems that resemble each other: what a learned optimiser can learn."""

from lsr1_pl.objectives.families.arm import ArmFamily, ArmPose, hand_pose
from lsr1_pl.objectives.families.deblurring import Deblurring, DeblurringFamily
from lsr1_pl.objectives.families.family import ProblemFamily, Problems, Split, sampled
from lsr1_pl.objectives.families.gaussian_process import (
    GaussianProcessFamily,
    GaussianProcessLikelihood,
)

__all__ = [
    "ArmFamily",
    "ArmPose",
    "Deblurring",
    "DeblurringFamily",
    "GaussianProcessFamily",
    "GaussianProcessLikelihood",
    "ProblemFamily",
    "Problems",
    "Split",
    "hand_pose",
    "sampled",
]
