"""Tasks: LightningModules that meta-train an optimiser."""

from lsr1_pl.tasks.fitting import Fits, fit_people
from lsr1_pl.tasks.function import FunctionTask
from lsr1_pl.tasks.general import GeneralTask
from lsr1_pl.tasks.hmr import HMRTask
from lsr1_pl.tasks.hmr_refining import RefiningTask
from lsr1_pl.tasks.hmr_sample import FitSample
from lsr1_pl.tasks.loading import load_data, load_task
from lsr1_pl.tasks.meta import MetaTask
from lsr1_pl.tasks.smoothing import smooth_fits

__all__ = [
    "FitSample",
    "Fits",
    "FunctionTask",
    "GeneralTask",
    "HMRTask",
    "MetaTask",
    "RefiningTask",
    "fit_people",
    "load_data",
    "load_task",
    "smooth_fits",
]
