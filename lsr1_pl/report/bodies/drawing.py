"""Pictures of bodies, drawn in software by matplotlib: no OpenGL, no display."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lsr1_pl.ground.files import written
from lsr1_pl.report.figure_text import as_written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LIGHT = np.array([0.3, 0.45, 0.84])
_SKIN = (0.93, 0.78, 0.68)


class Panel(NamedTuple):
    """One body in a picture, and from where it is seen."""

    vertices: ArrayLike
    """(V, 3) metres, y up; a body without root rotation faces +z."""
    title: str = ""
    turn: float = 0.0
    """Degrees around the body: 0 sees its front, 90 its left side, 180 its back."""
    colour: tuple[float, float, float] = _SKIN
    """Red, green and blue in [0, 1]."""
    tilt: float = 0.0
    """Degrees above the horizon: 90 looks straight down."""
    points: ArrayLike | None = None
    """(P, 3) to be marked, whether hidden by the mesh or not."""


def draw_bodies(
    path: str | os.PathLike[str],
    rows: Sequence[Sequence[Panel | tuple[ArrayLike, str]]],
    faces: ArrayLike,
    *,
    title: str | None = None,
    size: float = 2.2,
    dpi: int = 100,
    rows_alone: bool = False,
) -> Path:
    """Draw rows of shaded bodies on white and write them as one picture.

    Each is centred in its cell, seen from far away (orthographic).

    Args:
        path: the picture; its suffix (.png, .pdf, .svg) says the format.
        rows: of panels, or of plain pairs (vertices, title) seen from the front.
        faces: (F, 3) vertex numbers, counter-clockwise seen from outside.
        title: above the whole picture.
        size: of a cell, inches.
        dpi: dots per inch.
        rows_alone: each row at a scale of its own, instead of one scale for all.

    Returns:
        The path of the picture.

    Raises:
        ValueError: nothing to draw, or shapes that do not fit.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    triangles = np.asarray(faces, dtype=np.int64)
    panels = [[Panel(*panel) for panel in row] for row in rows]
    _check(panels, triangles)
    seen = [[_seen(panel) for panel in row] for row in panels]
    extents = [max(float(np.ptp(body, axis=0).max()) for body, _ in row) for row in seen]
    halves = [0.52 * (extent if rows_alone else max(extents)) for extent in extents]
    columns = max(len(row) for row in rows)
    figure = Figure(figsize=(size * columns, size * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(as_written(title or ""), fontsize=10)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for r, row in enumerate(panels):
        for c, panel in enumerate(row):
            vertices, marks = seen[r][c]
            _draw(grid[r, c], vertices, triangles, panel.colour)
            grid[r, c].plot(marks[:, 0], marks[:, 1], ".", color="tab:blue", markersize=2.5)
            half = halves[r]
            grid[r, c].set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
            grid[r, c].set_title(as_written(panel.title), fontsize=8)
    return _save(figure, Path(path), dpi)


def _check(panels: list[list[Panel]], triangles: Ints) -> None:
    if not any(panels):
        raise ValueError("nothing to draw: give at least one body")
    if triangles.ndim != 2 or triangles.shape[1] != 3 or not len(triangles):
        raise ValueError(f"faces has shape {triangles.shape}, expected (F, 3)")
    for panel in (panel for row in panels for panel in row):
        shape = np.shape(panel.vertices)
        if len(shape) != 2 or shape[1] != 3 or shape[0] <= triangles.max():
            raise ValueError(
                f"panel {panel.title!r} has vertices of shape {shape}, expected (V, 3) with V above"
                f" {triangles.max()}, the largest vertex number in faces"
            )


def _seen(panel: Panel) -> tuple[Floats, Floats]:
    """The panel's vertices and points on the screen: x right, y up, z towards the viewer."""
    turn, tilt = np.radians([panel.turn, panel.tilt])
    around = np.array(
        [[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]]
    )
    over = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    vertices = np.asarray(panel.vertices, dtype=np.float64)
    points = np.zeros((0, 3)) if panel.points is None else np.asarray(panel.points, np.float64)
    centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    view = (over @ around).T
    return (vertices - centre) @ view, (points - centre) @ view


def _draw(axes: Axes, vertices: Floats, triangles: Ints, colour: Sequence[float]) -> None:
    from matplotlib.collections import PolyCollection

    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    front = np.flatnonzero(normals[:, 2] > 0)
    # Painter's algorithm: far triangles first, so that near ones cover them.
    order = front[np.argsort(corners[front].mean(axis=1)[:, 2])]
    shade = 0.3 + 0.7 * np.clip(normals[order] @ _LIGHT, 0, 1)
    filled = np.clip(shade[:, None] * np.asarray(colour), 0, 1)
    # Edges in the face's own colour close the hairlines that antialiasing leaves between them.
    # Any: matplotlib's stubs do not know that one (F, 3, 2) array is the quick way in.
    outlines: Any = corners[order][:, :, :2]
    axes.add_collection(
        PolyCollection(outlines, facecolors=filled, edgecolors=filled, linewidths=0.3)
    )


def _save(figure: Figure, path: Path, dpi: int) -> Path:
    with written(path) as partial:
        figure.savefig(partial, dpi=dpi, facecolor="white")
    return path
