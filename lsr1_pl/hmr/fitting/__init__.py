"""People fitted to their keypoints: one person at a time, before a camera, over a sequence."""

from lsr1_pl.hmr.fitting.calibrated import straight_view
from lsr1_pl.hmr.fitting.fitter import Fit, Fitter
from lsr1_pl.hmr.fitting.people import Fits, fit_people
from lsr1_pl.hmr.fitting.prediction import Prediction
from lsr1_pl.hmr.fitting.smoothing import smooth_fits
from lsr1_pl.hmr.fitting.tracking import number_people, track_people

__all__ = [
    "Fit",
    "Fits",
    "Fitter",
    "Prediction",
    "fit_people",
    "number_people",
    "smooth_fits",
    "straight_view",
    "track_people",
]
