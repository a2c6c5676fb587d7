"""How ``lsr1 predict`` fits: one fitter, and what makes more of its fits."""

from __future__ import annotations

from lsr1_pl.hmr.fitting.any_roll import AnyRoll
from lsr1_pl.hmr.fitting.both_labellings import BothLabellings
from lsr1_pl.hmr.fitting.fitter import Fitter, PeopleFitter
from lsr1_pl.hmr.fitting.mirror_averaged import MirrorAveraged


def as_labelled(fitter: Fitter) -> PeopleFitter:
    """The fitter in any roll of the image, averaged with the mirror's fit, by the given labels."""
    return MirrorAveraged(AnyRoll(fitter))


def thorough(fitter: Fitter) -> PeopleFitter:
    """The fitter in any roll of the image, averaged with the mirror's fit, of the better labels.

    It takes two fits and five trials of three steps.
    """
    upright = AnyRoll(fitter)
    return BothLabellings(MirrorAveraged(upright), trial=upright)
