"""``lsr1 bench NAME``: the paper's figures and tables, one command each."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from lsr1_pl.ground.errors import ArgumentParser

_TABLE = {
    "quadratics": (
        "functions.quadratics",
        "Figures 3a and 3b: random quadratics of N = 2, 10, 50",
    ),
    "profiles": ("functions.profiles", "Figure 3c: performance profiles over 30 problems"),
    "trajectories": ("functions.trajectories", "Figure 1: paths on 2-D contours"),
    "ablations": (
        "functions.ablations",
        "Table 4, and the choices that the paper leaves open",
    ),
    "hmr": ("hmr.study", "Tables 1 to 3, Figures 4, 5, 8, 9: fitting bodies to keypoints"),
    "hmr_ablations": ("hmr.ablations", "what each departure brings in fitting bodies"),
    "general": ("functions.general", "beyond the paper: one optimiser for every function"),
    "compute": ("cost.compute", "Figures 6 and 7: time and memory over N"),
    "speed": (
        "cost.speed",
        "ratios to smplx, to bare matrix products, to plain implementations",
    ),
    "tune": ("functions.tune", "learning rates of the untrained solvers for profiles"),
}
"""Each study's module, with ``add_options(parser)`` and ``run(options)``, and what it shows."""

STUDIES = {name: what for name, (_, what) in _TABLE.items()}
"""What each study shows, by its name."""


def main(argv: Sequence[str]) -> int:
    """Run ``lsr1 bench ...`` with the arguments after ``bench``; the exit code.

    Raises:
        UserError: bad arguments, or a checkpoint that cannot be used.
    """
    parser = ArgumentParser(
        prog="lsr1 bench",
        description="The paper's studies. Each writes results.csv, "
        "summary.json, PNG figures and index.html.",
    )
    verbs = parser.add_subparsers(dest="study", required=True, metavar="NAME")
    chosen = next((word for word in argv if word in STUDIES), None)
    for name, what in STUDIES.items():
        verb = verbs.add_parser(name, help=what, description=what)
        verb.add_argument("--out", type=Path, default=Path("runs/bench") / name, help="folder")
        verb.add_argument("--fast", action="store_true", help="under 3 minutes on 2 cores; says so")
        # Only the chosen study's module is loaded: each pulls in what it alone needs.
        if name == chosen:
            _module(name).add_options(verb)
    options = parser.parse_args(argv)
    _module(options.study).run(options)
    return 0


def _module(study: str) -> ModuleType:
    return importlib.import_module(f"lsr1_pl.bench.{_TABLE[study][0]}")
