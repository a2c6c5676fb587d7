"""Figure 1: paths of L-SR1 and L-BFGS on the contours of three functions of two variables."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lsr1_pl.bench.functions.problems import learning_rates
from lsr1_pl.bench.functions.solving import Run, solve, trained
from lsr1_pl.bench.study import COLOURS, Study, new_figure
from lsr1_pl.objectives import DiagonalQuadratic, Rastrigin, Rosenbrock
from lsr1_pl.optim import LBFGS, BatchedOptimizer
from lsr1_pl.report import PageTable, Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = 30
_MARKERS = {"L-SR1": "o", "L-SR1 unprojected": "s", "L-BFGS": "^"}


_Window = tuple[float, float, float, float]
"""Lowest and highest x_1, then x_2."""
_SMALL = 0.35
"""The share of a window's width below which paths are drawn in a close view too."""


@dataclass(frozen=True)
class _Scene:
    """A function with its start point and the part of the plane that is drawn."""

    name: str
    objective: DiagonalQuadratic | Rosenbrock | Rastrigin
    checkpoint: str
    family: str
    start: tuple[float, float]
    window: _Window


_SCENES = (
    _Scene(
        "Rastrigin",
        Rastrigin(),
        "profiles_rastrigin",
        "rastrigin",
        (3.3, -2.7),
        (-5.1, 5.1, -5.1, 5.1),
    ),
    _Scene(
        "Rosenbrock", Rosenbrock(), "profiles_rosenbrock", "rosenbrock", (-1.2, 1.0), (-2, 2, -1, 3)
    ),
    _Scene(
        "quadratic, κ=10",
        DiagonalQuadratic(10.0),
        "quadratics",
        "quadratics",
        (-1.8, 0.9),
        (-2.2, 2.2, -1.5, 1.5),
    ),
)


def run(options: argparse.Namespace) -> None:
    """Run the study into ``options.out``."""
    steps = 10 if options.fast else _STEPS
    study = Study(
        "trajectories",
        "Paths on contours",
        options.out,
        f"{steps} steps instead of {_STEPS}." if options.fast else "",
    )
    study.page.introduction = [
        "Figure 1 of the paper: L-SR1 with and without the learned projection beside L-BFGS, from "
        "the same start. On Rosenbrock and Rastrigin L-SR1 was trained at N = 100 and meets two "
        "variables here for the first time; on the quadratic it was trained at N = 2. L-BFGS takes "
        "the learning rate that the search found for the family. A path that leaves the window is "
        "cut at its edge.",
    ]
    runs = {scene.name: _paths(scene, steps) for scene in _SCENES}
    study.write_rows(("function", "solver", "seed", "step", "x1", "x2", "value"), _rows(runs))
    figure = new_figure(5.6, 15.5)
    for row, scene in enumerate(_SCENES):
        axes = figure.add_subplot(len(_SCENES), 1, row + 1)
        _draw(axes, scene, runs[scene.name])
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    picture = study.save_figure(figure, "trajectories")
    rows = [
        [scene.name, solver, *(float(path.values[k, 0]) for k in (0, steps // 3, steps))]
        for scene in _SCENES
        for solver, path in runs[scene.name].items()
    ]
    columns = ["function", "solver", "f at the start", f"after {steps // 3}", f"after {steps}"]
    table = PageTable("Every minimum is 0", columns, rows)
    study.add(
        Section(
            "Paths", pictures=[(picture, f"{steps} steps; the star is the minimiser.")], table=table
        )
    )
    study.finish({f"{row[0]}: {row[1]}": row[-1] for row in rows})


def _paths(scene: _Scene, steps: int) -> dict[str, Run]:
    solvers: dict[str, BatchedOptimizer] = {
        "L-SR1": trained(scene.checkpoint, 8),
        "L-SR1 unprojected": trained(f"{scene.checkpoint}_unprojected", 8),
        "L-BFGS": LBFGS(8, learning_rate=learning_rates()["L-BFGS"][scene.family]),  # type: ignore[index]
    }
    x0 = torch.tensor([scene.start])
    return {name: solve(solver, scene.objective, x0, steps) for name, solver in solvers.items()}


def _rows(runs: dict[str, dict[str, Run]]) -> Iterator[tuple[Any, ...]]:
    for function, by_solver in runs.items():
        for solver, path in by_solver.items():
            values = path.values[:, 0].tolist()
            for k, point in enumerate(path.iterates[:, 0].tolist()):
                yield function, solver, 0, k, *point, values[k]


def _draw(axes: Axes, scene: _Scene, runs: dict[str, Run]) -> None:
    """The paths in their window; where they are a blot in it, a close view in a free corner."""
    _draw_window(axes, scene, runs, scene.window)
    axes.set_title(scene.name)
    axes.set_xlabel("$x_1$")
    axes.set_ylabel("$x_2$")
    left, right, bottom, top = scene.window
    close = _around(runs, scene.window)
    if close[1] - close[0] > _SMALL * (right - left):
        return
    # The corner that lies across the middle from the paths.
    far_left = close[0] + close[1] > left + right
    far_down = close[2] + close[3] > bottom + top
    corner = (0.03 if far_left else 0.52, 0.03 if far_down else 0.52, 0.45, 0.45)
    inset = axes.inset_axes(corner)
    _draw_window(inset, scene, runs, close)
    # Its place is shown by the box; numbers would lie on those of the axes.
    inset.set_xticks([])
    inset.set_yticks([])
    axes.indicate_inset_zoom(inset, edgecolor="black")


def _around(runs: dict[str, Run], window: _Window) -> _Window:
    """The part of a window around all points of the paths in it, of the window's proportions."""
    left, right, bottom, top = window
    points = torch.cat([_until_lost(path.iterates[:, 0]) for path in runs.values()])
    inside = (points[:, 0].clamp(left, right) == points[:, 0]) & (
        points[:, 1].clamp(bottom, top) == points[:, 1]
    )
    points = points[inside]
    middle = (points.amin(dim=0) + points.amax(dim=0)) / 2
    spread = (points.amax(dim=0) - points.amin(dim=0)) / torch.tensor([right - left, top - bottom])
    share = 0.62 * float(spread.max().clamp_min(1e-3))
    x, y = middle.tolist()
    width, height = share * (right - left), share * (top - bottom)
    return x - width, x + width, y - height, y + height


def _draw_window(axes: Axes, scene: _Scene, runs: dict[str, Run], window: _Window) -> None:
    left, right, bottom, top = window
    grid = torch.meshgrid(
        torch.linspace(left, right, 240), torch.linspace(bottom, top, 240), indexing="xy"
    )
    points = torch.stack([axis.flatten() for axis in grid], dim=1)
    height = torch.log1p(scene.objective.value(points)).view_as(grid[0])
    axes.contourf(*grid, height, levels=24, cmap="Greys", alpha=0.75)
    for name, path in runs.items():
        steps = _until_lost(path.iterates[:, 0])
        axes.plot(
            steps[:, 0],
            steps[:, 1],
            marker=_MARKERS[name],
            markersize=4,
            lw=1.4,
            color=COLOURS[name],
            label=name,
        )
    minimizer = scene.objective.minimizer(points[:1])[0]
    axes.plot(*minimizer.tolist(), "*", color="gold", markeredgecolor="black", markersize=15)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def _until_lost(path: Tensor) -> Tensor:
    """The steps before the first that is not finite."""
    lost = ~path.isfinite().all(dim=1)
    return path[: int(lost.int().argmax())] if bool(lost.any()) else path
