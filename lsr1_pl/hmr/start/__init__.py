"""Where fits begin: an observation in, pose and betas out."""

from lsr1_pl.hmr.start.estimator import Estimator
from lsr1_pl.hmr.start.initial_error import InitialError, estimate_error
from lsr1_pl.hmr.start.initial_estimate import InitialEstimate
from lsr1_pl.hmr.start.lifting import LiftedBody, LiftingNetwork
from lsr1_pl.hmr.start.lifting_loss import LiftingLoss
from lsr1_pl.hmr.start.mirror_averaged import MirrorAveragedStart
from lsr1_pl.hmr.start.shifted import ShiftedStart
from lsr1_pl.hmr.start.starts import EstimateStart, GivenStart, LGDStart, MeanPoseStart, Start
from lsr1_pl.hmr.start.trained import LGDFits, LiftedEstimate, NetworkEstimate, TrainedStart

__all__ = [
    "EstimateStart",
    "Estimator",
    "GivenStart",
    "InitialError",
    "InitialEstimate",
    "LGDFits",
    "LGDStart",
    "LiftedBody",
    "LiftedEstimate",
    "LiftingLoss",
    "LiftingNetwork",
    "MeanPoseStart",
    "MirrorAveragedStart",
    "NetworkEstimate",
    "ShiftedStart",
    "Start",
    "TrainedStart",
    "estimate_error",
]
