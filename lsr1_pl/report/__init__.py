"""Tables, plots and pictures of what a run did."""

from __future__ import annotations

from lsr1_pl.report.bodies import Panel, draw_bodies
from lsr1_pl.report.fits_figure import FitsFigure, draw_fits
from lsr1_pl.report.page import Page, PageTable, Section, readable, write_page
from lsr1_pl.report.paths import short
from lsr1_pl.report.predictions import PredictionFile
from lsr1_pl.report.progress import IterationProgress
from lsr1_pl.report.quiet import quiet_lightning
from lsr1_pl.report.step_table import StepTable

__all__ = [
    "FitsFigure",
    "IterationProgress",
    "Page",
    "PageTable",
    "Panel",
    "PredictionFile",
    "Section",
    "StepTable",
    "draw_bodies",
    "draw_fits",
    "quiet_lightning",
    "readable",
    "short",
    "write_page",
]
