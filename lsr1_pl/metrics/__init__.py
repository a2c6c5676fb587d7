"""Metrics of optimisation and of fitted bodies."""

from lsr1_pl.metrics.joints import acceleration_error, mpjpe
from lsr1_pl.metrics.newton import newton_alignment
from lsr1_pl.metrics.pa_mpjpe import PAMPJPE, MeanOverBodies, pa_mpjpe

__all__ = [
    "PAMPJPE",
    "MeanOverBodies",
    "acceleration_error",
    "mpjpe",
    "newton_alignment",
    "pa_mpjpe",
]
