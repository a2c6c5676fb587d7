"""People fitted to their keypoints: one person at a time, before a camera, over a sequence."""

from lsr1_pl.hmr.fitting.any_roll import AnyRoll
from lsr1_pl.hmr.fitting.both_labellings import BothLabellings
from lsr1_pl.hmr.fitting.calibrated import straight_view
from lsr1_pl.hmr.fitting.fitter import Fit, Fitter, PeopleFitter
from lsr1_pl.hmr.fitting.labels import continuous_sides
from lsr1_pl.hmr.fitting.mirror_averaged import MirrorAveraged
from lsr1_pl.hmr.fitting.people import Fits, fit_people
from lsr1_pl.hmr.fitting.points import seeing, shown_points
from lsr1_pl.hmr.fitting.prediction import Prediction
from lsr1_pl.hmr.fitting.smoothing import smooth_fits
from lsr1_pl.hmr.fitting.steady import SteadyFits, steady_fits
from lsr1_pl.hmr.fitting.thorough import as_labelled, thorough
from lsr1_pl.hmr.fitting.tracking import number_people, track_people

__all__ = [
    "AnyRoll",
    "BothLabellings",
    "Fit",
    "Fits",
    "Fitter",
    "MirrorAveraged",
    "PeopleFitter",
    "Prediction",
    "SteadyFits",
    "as_labelled",
    "continuous_sides",
    "fit_people",
    "number_people",
    "seeing",
    "shown_points",
    "smooth_fits",
    "steady_fits",
    "straight_view",
    "thorough",
    "track_people",
]
