"""Where fits begin: an observation in, pose and betas out."""

from lsr1_pl.hmr.start.initial_error import InitialError
from lsr1_pl.hmr.start.initial_estimate import InitialEstimate
from lsr1_pl.hmr.start.shifted import ShiftedStart
from lsr1_pl.hmr.start.starts import EstimateStart, GivenStart, LGDStart, MeanPoseStart, Start
from lsr1_pl.hmr.start.trained import LGDFits, NetworkEstimate, TrainedStart

__all__ = [
    "EstimateStart",
    "GivenStart",
    "InitialError",
    "InitialEstimate",
    "LGDFits",
    "LGDStart",
    "MeanPoseStart",
    "NetworkEstimate",
    "ShiftedStart",
    "Start",
    "TrainedStart",
]
