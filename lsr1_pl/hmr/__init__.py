"""Human mesh recovery: fitting pose and betas to 2D keypoints."""

from lsr1_pl.body.translation import solve_translation
from lsr1_pl.hmr.blockwise import Blockwise
from lsr1_pl.hmr.evaluation.people import EvaluatedPeople
from lsr1_pl.hmr.evaluation.plan import EvaluationPlan
from lsr1_pl.hmr.fitting import (
    AnyRoll,
    BothLabellings,
    Fit,
    Fits,
    Fitter,
    MirrorAveraged,
    PeopleFitter,
    Prediction,
    SteadyFits,
    as_labelled,
    continuous_sides,
    fit_people,
    number_people,
    seeing,
    shown_points,
    smooth_fits,
    steady_fits,
    straight_view,
    thorough,
    track_people,
)
from lsr1_pl.hmr.lgd import LGD
from lsr1_pl.hmr.losses import BodyState, LossWeights, outer_loss, trajectory_loss
from lsr1_pl.hmr.observation import Observation, observe, observe_detections
from lsr1_pl.hmr.other_body import on_other_body
from lsr1_pl.hmr.people_optimizer import InErrorMetric, PeopleOptimizer, WholeFit
from lsr1_pl.hmr.pose_prior import PosePrior
from lsr1_pl.hmr.problem import FittingProblem, ProjectedBody
from lsr1_pl.hmr.proposing import (
    AimedSteps,
    DenseNetwork,
    ProposedSteps,
    ProposingNetwork,
    ProposingOptimizer,
)
from lsr1_pl.hmr.reprojection import EstimatePrior, ReprojectionObjective
from lsr1_pl.hmr.smplify import SMPLify, SMPLifyFit
from lsr1_pl.hmr.start import (
    EstimateStart,
    Estimator,
    GivenStart,
    InitialError,
    InitialEstimate,
    LGDFits,
    LGDStart,
    LiftedBody,
    LiftedEstimate,
    LiftingLoss,
    LiftingNetwork,
    MeanPoseStart,
    MirrorAveragedStart,
    NetworkEstimate,
    Start,
    TrainedStart,
    estimate_error,
)
from lsr1_pl.hmr.variables import POSE_SIZE, join_variables, split_variables

# Second names, for code that imports these classes by them.
FittedPeople = EvaluatedPeople
FittedState = BodyState

__all__ = [
    "LGD",
    "POSE_SIZE",
    "AimedSteps",
    "AnyRoll",
    "Blockwise",
    "BodyState",
    "BothLabellings",
    "DenseNetwork",
    "EstimatePrior",
    "EstimateStart",
    "Estimator",
    "EvaluatedPeople",
    "EvaluationPlan",
    "Fit",
    "Fits",
    "FittedPeople",
    "FittedState",
    "Fitter",
    "FittingProblem",
    "GivenStart",
    "InErrorMetric",
    "InitialError",
    "InitialEstimate",
    "LGDFits",
    "LGDStart",
    "LiftedBody",
    "LiftedEstimate",
    "LiftingLoss",
    "LiftingNetwork",
    "LossWeights",
    "MeanPoseStart",
    "MirrorAveraged",
    "MirrorAveragedStart",
    "NetworkEstimate",
    "Observation",
    "PeopleFitter",
    "PeopleOptimizer",
    "PosePrior",
    "Prediction",
    "ProjectedBody",
    "ProposedSteps",
    "ProposingNetwork",
    "ProposingOptimizer",
    "ReprojectionObjective",
    "SMPLify",
    "SMPLifyFit",
    "Start",
    "SteadyFits",
    "TrainedStart",
    "WholeFit",
    "as_labelled",
    "continuous_sides",
    "estimate_error",
    "fit_people",
    "join_variables",
    "number_people",
    "observe",
    "observe_detections",
    "on_other_body",
    "outer_loss",
    "seeing",
    "shown_points",
    "smooth_fits",
    "solve_translation",
    "split_variables",
    "steady_fits",
    "straight_view",
    "thorough",
    "track_people",
    "trajectory_loss",
]
