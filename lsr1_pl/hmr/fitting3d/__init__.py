"""People fitted in space: to joints in 3D, or to keypoints in several calibrated views."""

from lsr1_pl.hmr.fitting3d.checks import UNITS, check_sides, doubt_of_unit, unit_of
from lsr1_pl.hmr.fitting3d.fitter import (
    JointFits,
    JointFitter,
    distances,
    joined,
    mean_error,
    space_status,
)
from lsr1_pl.hmr.fitting3d.skeleton import PointSkeleton
from lsr1_pl.hmr.fitting3d.triangulation import Rig, Triangulated
from lsr1_pl.hmr.fitting3d.views import box_sides, fit_views, triangulated

__all__ = [
    "UNITS",
    "JointFits",
    "JointFitter",
    "PointSkeleton",
    "Rig",
    "Triangulated",
    "box_sides",
    "check_sides",
    "distances",
    "doubt_of_unit",
    "fit_views",
    "joined",
    "mean_error",
    "space_status",
    "triangulated",
    "unit_of",
]
