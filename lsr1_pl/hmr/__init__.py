"""Human mesh recovery: fitting pose and betas to 2D keypoints."""

from lsr1_pl.hmr.fitted_people import FittedPeople
from lsr1_pl.hmr.initial_error import InitialError
from lsr1_pl.hmr.initial_estimate import InitialEstimate
from lsr1_pl.hmr.lgd import LGD
from lsr1_pl.hmr.losses import FittedState, LossWeights, outer_loss, trajectory_loss
from lsr1_pl.hmr.observation import Observation, observe, observe_detections
from lsr1_pl.hmr.people_optimizer import InErrorMetric, PeopleOptimizer
from lsr1_pl.hmr.placing import solve_translation, straight_view
from lsr1_pl.hmr.pose_prior import PosePrior
from lsr1_pl.hmr.reprojection import EstimatePrior, ReprojectionObjective
from lsr1_pl.hmr.smplify import SMPLify, SMPLifyFit
from lsr1_pl.hmr.variables import POSE_SIZE, join_variables, split_variables

__all__ = [
    "LGD",
    "POSE_SIZE",
    "EstimatePrior",
    "FittedPeople",
    "FittedState",
    "InErrorMetric",
    "InitialError",
    "InitialEstimate",
    "LossWeights",
    "Observation",
    "PeopleOptimizer",
    "PosePrior",
    "ReprojectionObjective",
    "SMPLify",
    "SMPLifyFit",
    "join_variables",
    "observe",
    "observe_detections",
    "outer_loss",
    "solve_translation",
    "split_variables",
    "straight_view",
    "trajectory_loss",
]
