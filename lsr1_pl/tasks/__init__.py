"""Tasks: LightningModules that meta-train an optimiser."""

from lsr1_pl.hmr.evaluation.sample import SampledBodies as FitSample
from lsr1_pl.hmr.fitting import Fits, fit_people, smooth_fits
from lsr1_pl.pretrained.tasks import load_data, load_task
from lsr1_pl.tasks.by_evaluations import ByEvaluations
from lsr1_pl.tasks.by_steps import BySteps
from lsr1_pl.tasks.evaluation import FunctionEvaluation
from lsr1_pl.tasks.family import FamilyTask, Phases
from lsr1_pl.tasks.function import FunctionTask
from lsr1_pl.tasks.general import GeneralTask
from lsr1_pl.tasks.hmr import HMRTask
from lsr1_pl.tasks.meta import MetaTask
from lsr1_pl.tasks.meta_losses import (
    LogRatioToSkeleton,
    LogSuboptimality,
    MeanValue,
    MetaLoss,
    RelativeSuboptimality,
    StepwiseLoss,
)
from lsr1_pl.tasks.refining import RefiningTask
from lsr1_pl.tasks.start import StartTask
from lsr1_pl.tasks.strategies import PersistentStrategies
from lsr1_pl.tasks.unrolling import Unroll

__all__ = [
    "ByEvaluations",
    "BySteps",
    "FamilyTask",
    "FitSample",
    "Fits",
    "FunctionEvaluation",
    "FunctionTask",
    "GeneralTask",
    "HMRTask",
    "LogRatioToSkeleton",
    "LogSuboptimality",
    "MeanValue",
    "MetaLoss",
    "MetaTask",
    "PersistentStrategies",
    "Phases",
    "RefiningTask",
    "RelativeSuboptimality",
    "StartTask",
    "StepwiseLoss",
    "Unroll",
    "fit_people",
    "load_data",
    "load_task",
    "smooth_fits",
]
