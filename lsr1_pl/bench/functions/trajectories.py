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


@dataclass(frozen=True)
class _Scene:
    """A function with its start point and the part of the plane that is drawn."""

    name: str
    objective: DiagonalQuadratic | Rosenbrock | Rastrigin
    checkpoint: str
    family: str
    start: tuple[float, float]
    window: tuple[float, float, float, float]
    """Lowest and highest x_1, then x_2."""


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
    figure = new_figure(16, 5.4)
    for column, scene in enumerate(_SCENES):
        axes = figure.add_subplot(1, len(_SCENES), column + 1)
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
    left, right, bottom, top = scene.window
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
    axes.set_title(scene.name)
    axes.set_xlabel("$x_1$")
    axes.set_ylabel("$x_2$")


def _until_lost(path: Tensor) -> Tensor:
    """The steps before the first that is not finite."""
    lost = ~path.isfinite().all(dim=1)
    return path[: int(lost.int().argmax())] if bool(lost.any()) else path
