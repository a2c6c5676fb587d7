"""Tables, plots and pictures of what a run did."""

from __future__ import annotations

from lsr1_pl.report.bodies.bvh import write_bvh
from lsr1_pl.report.bodies.drawing import Panel, draw_bodies
from lsr1_pl.report.bodies.fits_figure import FitsFigure, draw_fits
from lsr1_pl.report.bodies.glb import write_glb
from lsr1_pl.report.bodies.overlay import in_keypoint_box
from lsr1_pl.report.fit_page import (
    ErrorUnit,
    FitPage,
    FittedPeople,
    FrameList,
    Picture,
    Status,
    write_fit_page,
)
from lsr1_pl.report.page import Page, PageTable, Section, readable, write_page
from lsr1_pl.report.paths import short
from lsr1_pl.report.progress import IterationProgress
from lsr1_pl.report.quiet import quiet_lightning
from lsr1_pl.report.step_profile import StepProfile
from lsr1_pl.report.step_table import StepTable
from lsr1_pl.report.wandb.callback import WandbDashboard

__all__ = [
    "ErrorUnit",
    "FitPage",
    "FitsFigure",
    "FittedPeople",
    "FrameList",
    "IterationProgress",
    "Page",
    "PageTable",
    "Panel",
    "Picture",
    "Section",
    "Status",
    "StepProfile",
    "StepTable",
    "WandbDashboard",
    "draw_bodies",
    "draw_fits",
    "in_keypoint_box",
    "quiet_lightning",
    "readable",
    "short",
    "write_bvh",
    "write_fit_page",
    "write_glb",
    "write_page",
]
