"""Errors of fitted people: on known bodies, and on 3DPW under named protocols."""

from lsr1_pl.hmr.evaluation.errors import FitErrors, JointSet, MeanErrors, errors_of
from lsr1_pl.hmr.evaluation.people import EvaluatedPeople
from lsr1_pl.hmr.evaluation.plan import EvaluationPlan
from lsr1_pl.hmr.evaluation.run import EvaluationRun
from lsr1_pl.hmr.evaluation.sample import SampledBodies, sample_bodies
from lsr1_pl.hmr.evaluation.synthetic import KnownPeople, observe_known
from lsr1_pl.hmr.evaluation.threedpw import ThreeDPWEvaluation

__all__ = [
    "EvaluatedPeople",
    "EvaluationPlan",
    "EvaluationRun",
    "FitErrors",
    "JointSet",
    "KnownPeople",
    "MeanErrors",
    "SampledBodies",
    "ThreeDPWEvaluation",
    "errors_of",
    "observe_known",
    "sample_bodies",
]
