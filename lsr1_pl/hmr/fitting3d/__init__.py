"""People fitted in space: to joints in 3D, or to keypoints in several calibrated views."""

from lsr1_pl.hmr.fitting3d.checks import UNITS, check_sides, unit_of
from lsr1_pl.hmr.fitting3d.fitter import (
    JointFits,
    JointFitter,
    distances,
    joined,
    mean_error,
    space_status,
)
from lsr1_pl.hmr.fitting3d.skeleton import PointSkeleton

__all__ = [
    "UNITS",
    "JointFits",
    "JointFitter",
    "PointSkeleton",
    "check_sides",
    "distances",
    "joined",
    "mean_error",
    "space_status",
    "unit_of",
]
