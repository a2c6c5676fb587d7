"""Figures 4, 5, 8 and 9: curves by inner step and over training, and meshes over keypoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from lsr1_pl.bench.hmr.methods import MEAN, label_and_start
from lsr1_pl.bench.hmr.people import Errors
from lsr1_pl.bench.hmr.tables import Results
from lsr1_pl.bench.study import COLOURS, Study, new_figure
from lsr1_pl.hmr.evaluation import KnownPeople
from lsr1_pl.pretrained import Curves
from lsr1_pl.report import Panel, draw_bodies, in_keypoint_box
from lsr1_pl.report.line_figure import whole_steps
from lsr1_pl.tasks import HMRTask

_TRUTH, _OURS, _THEIRS = (0.72, 0.85, 0.72), (0.70, 0.80, 0.95), (0.95, 0.80, 0.70)
_STYLES = {
    "lsr1": ("#d62728", "-"),
    "lsr1_refining": ("#8c1515", "-"),
    "lgd": ("#ff7f0e", "-"),
    "lgd_4": ("#c7962b", "-"),
    "lgd_8": ("#7f5f00", "-"),
    "lgd_noise": ("#ffbb78", "-"),
    "lsr1_faithful": ("#ff9896", "-"),
}


def draw_curves(study: Study, results: Results) -> Path:
    """Figure 4: reprojection and PA-MPJPE by inner step, means over people and seeds."""
    figure = new_figure(5.6, 9)
    for column, label in enumerate(("reprojection (1e-3 of the box)", "PA-MPJPE (mm)")):
        axes = figure.add_subplot(2, 1, column + 1)
        for key, runs in results.items():
            if key.startswith("smplify"):
                continue
            curves = [_curve(run, column) for run in runs]
            colour, style = _style(key)
            name, start = label_and_start(key)
            text = f"{name}, from the {start}" if start == MEAN else name
            axes.plot(np.mean(curves, axis=0), style, color=colour, lw=1.6, label=text)
        axes.set_xlabel("inner step")
        whole_steps(axes)
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize="small")
    return study.save_figure(figure, "figure_4")


def _curve(run: Errors, column: int) -> np.ndarray:
    return run.curve() if column else run.reprojection.mean(axis=1)


def _style(key: str) -> tuple[str, str]:
    if key in _STYLES:
        return _STYLES[key]
    name, start = label_and_start(key)
    base = next((c for solver, c in COLOURS.items() if name.startswith(solver)), "#333333")
    return base, ":" if start == MEAN else "--" if "metric" in name else "-"


def draw_training(study: Study, histories: Mapping[str, Sequence[Path]]) -> Path | None:
    """Figure 8: meta-loss and validation PA-MPJPE over iterations; None without any history."""
    figure = new_figure(5.6, 7.4)
    panels = [figure.add_subplot(2, 1, column + 1) for column in range(2)]
    for key, paths in histories.items():
        colour, _ = _style(key)
        for number, path in enumerate(paths):
            label = label_and_start(key)[0] if number == 0 else None
            curves = Curves(path)
            for axes, metric in zip(panels, ("train/meta_loss", "val/pa_mpjpe"), strict=True):
                steps, values = curves.column(metric)
                if steps:
                    axes.plot([step + 1 for step in steps], values, color=colour, lw=1, label=label)
            curves.report("Figure 8 shows the others")
    if not any(axes.lines for axes in panels):
        return None
    for axes, label in zip(panels, ("meta-loss", "validation PA-MPJPE (mm)"), strict=True):
        if axes.lines:
            # Budgets differ by a hundred, and so do losses: as printed, they are of a sum.
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.legend()
        axes.set_xlabel("iteration")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3, which="both")
    return study.save_figure(figure, "figure_8")


Fit = tuple[HMRTask, "np.ndarray", Sequence[Tensor]]
"""A trained task, its error of every person, and its final states (B, N) of each batch."""


def draw_cases(study: Study, people: Sequence[KnownPeople], fits: Mapping[str, Fit]) -> Path:
    """Figures 5 and 9: meshes over the keypoints, ours beside theirs.

    Rows: the best, the median and the worst of the first fit, then the two persons on whom the
    two differ most, either way.

    Args:
        study: receives ``figure_5_9.png``.
        people: the batches.
        fits: two of them, by label; the first is ours.
    """
    (ours, (task, our_errors, _)), (theirs, (_, their_errors, _)) = fits.items()
    order, gaps = np.argsort(our_errors), np.argsort(our_errors - their_errors)
    chosen = {
        f"{ours} best": int(order[0]),
        f"{ours} median": int(order[len(order) // 2]),
        f"{ours} worst": int(order[-1]),
    }
    for example, by_gap in ((f"{ours} over {theirs}", gaps), (f"{theirs} over {ours}", gaps[::-1])):
        chosen[example] = next(int(n) for n in by_gap if int(n) not in chosen.values())
    sizes = np.cumsum([0, *(len(each) for each in people)])
    rows = []
    for example, person in chosen.items():
        batch = int(np.searchsorted(sizes, person, side="right")) - 1
        row, each = int(person - sizes[batch]), people[batch]
        drawn = [(f"truth ({example})", _TRUTH, task, each.states[row])]
        for colour, (label, (owner, errors, states)) in zip(
            (_OURS, _THEIRS), fits.items(), strict=True
        ):
            title = f"{label}: {errors[person]:.0f} mm"
            drawn.append((title, colour, owner, states[batch][row]))
        rows.append(_row(drawn, each, row))
    study.out.mkdir(parents=True, exist_ok=True)
    path = study.out / "figure_5_9.png"
    return draw_bodies(path, rows, task.body.faces.numpy(), rows_alone=True)


def _row(
    drawn: Sequence[tuple[str, tuple[float, float, float], HMRTask, Tensor]],
    people: KnownPeople,
    row: int,
) -> list[Panel | tuple[ArrayLike, str]]:
    panels: list[Panel | tuple[ArrayLike, str]] = []
    for title, colour, owner, x in drawn:
        seen = people.observation.keypoints[row], people.observation.visibility[row]
        body, marks = in_keypoint_box(owner.body, owner.joints_of, owner.camera, x, *seen)
        panels.append(Panel(body, title, 0.0, colour, points=marks))
        panels.append(Panel(body, "from the side", 90.0, colour))
    return panels
