"""A picture of fitted bodies beside the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from numpy.typing import ArrayLike
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from lsr1_pl.ground.console import plain
from lsr1_pl.report.bodies.drawing import Panel, draw_bodies
from lsr1_pl.report.paths import short
from lsr1_pl.report.run_folder import run_folder

_TRUTH_COLOUR = (0.72, 0.85, 0.72)
_FIT_COLOURS = ((0.80, 0.80, 0.84), (0.70, 0.80, 0.95), (0.95, 0.80, 0.70), (0.84, 0.74, 0.92))


class Fits(Protocol):
    """Fitted bodies: n people, V vertices."""

    @property
    def faces(self) -> Tensor:
        """(F, 3)."""

    @property
    def truth(self) -> Tensor:
        """(n, V, 3) in metres."""

    @property
    def fits(self) -> Mapping[str, Tensor]:
        """Solver -> (n, V, 3)."""

    @property
    def errors_mm(self) -> Mapping[str, Tensor]:
        """Solver -> (n,)."""

    @property
    def places(self) -> Sequence[str]:
        """How well each of the n is fitted, in words."""


class FitsFigure(Callback):
    """After a test, writes ``fits.png``: each person from the camera and from the side."""

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the task's ``fits``, if it kept some."""
        fits = getattr(pl_module, "fits", None)
        folder = run_folder(trainer)
        if fits is None or folder is None or not trainer.is_global_zero:
            return
        path = draw_fits(folder / "fits.png", fits)
        print(plain(f"Fitted bodies beside the truth: {short(path)}"))


def draw_fits(path: Path, fits: Fits) -> Path:
    """A row a person: the truth and how well it is fitted, then each fit, from two sides."""
    rows = []
    for person in range(len(fits.truth)):
        row = _two_views(fits.truth[person], f"truth, {fits.places[person]}", _TRUTH_COLOUR)
        for position, (solver, vertices) in enumerate(fits.fits.items()):
            error = float(fits.errors_mm[solver][person])
            colour = _FIT_COLOURS[position % len(_FIT_COLOURS)]
            row += _two_views(vertices[person], f"{solver}: {error:.0f} mm", colour)
        rows.append(row)
    return draw_bodies(path, rows, fits.faces.numpy())


def _two_views(
    vertices: Tensor, title: str, colour: tuple[float, float, float]
) -> list[Panel | tuple[ArrayLike, str]]:
    body = vertices.numpy()
    return [Panel(body, title, 0.0, colour), Panel(body, "from the side", 90.0, colour)]
