"""The studies by name; nothing here loads one, since each pulls in what it alone needs."""

from __future__ import annotations

from argparse import Namespace
from importlib import import_module
from typing import NamedTuple


class StudyEntry(NamedTuple):
    """One study of ``lsr1 bench``."""

    module: str
    """The module in this room, which has a function ``run(options)``."""
    shows: str
    """What it measures, in a few words."""


STUDIES: dict[str, StudyEntry] = {
    "quadratics": StudyEntry(
        "functions.quadratics", "Figures 3a and 3b: random quadratics of N = 2, 10, 50"
    ),
    "profiles": StudyEntry(
        "functions.profiles", "Figure 3c: performance profiles over 30 problems"
    ),
    "trajectories": StudyEntry("functions.trajectories", "Figure 1: paths on 2-D contours"),
    "ablations": StudyEntry(
        "functions.ablations", "Table 4, and the choices that the paper leaves open"
    ),
    "learned": StudyEntry(
        "functions.learned.study", "L-SR1 and learned optimisers of other papers, trained alike"
    ),
    "families": StudyEntry(
        "families.study", "families of problems: what learning one brings, and which part of it"
    ),
    "hmr": StudyEntry(
        "hmr.study", "Tables 1 to 3, Figures 4, 5, 8, 9: fitting bodies to keypoints"
    ),
    "hmr_ablations": StudyEntry("hmr.ablations", "what each departure brings in fitting bodies"),
    "fitters": StudyEntry(
        "hmr.fitters", "fitters on subjects and a laboratory that nobody trained on"
    ),
    "real": StudyEntry("hmr.real", "fits of a real person in four videos beside triangulation"),
    "general": StudyEntry(
        "functions.general", "beyond the paper: one optimiser for every function"
    ),
    "minimizers": StudyEntry(
        "functions.minimizers", "minimize beside SciPy's, torch's and pytorch-minimize's minimisers"
    ),
    "compute": StudyEntry("cost.compute", "Figures 6 and 7: time and memory over N"),
    "speed": StudyEntry(
        "cost.speed", "ratios to smplx, to bare matrix products, to plain implementations"
    ),
    "gpu": StudyEntry(
        "gpu.study", "one prepared run on a GPU: parity, hidden waiting, the paper's sizes"
    ),
    "tune": StudyEntry("functions.tune", "learning rates of the untrained solvers for profiles"),
}


def run(options: Namespace) -> None:
    """Run the study that ``options.study`` names, with its options.

    Raises:
        UserError: a checkpoint that cannot be used, or an option out of its range.
    """
    import_module(f"lsr1_pl.bench.{STUDIES[options.study].module}").run(options)
