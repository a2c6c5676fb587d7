"""Pictures, bodies, tables and charts of single cases, as W&B takes them."""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from numpy.typing import ArrayLike
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from lsr1_pl.body import BodyModel, PinholeCamera
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr import EvaluatedPeople, split_variables
from lsr1_pl.report.bodies.drawing import Panel, draw_bodies
from lsr1_pl.report.bodies.glb import write_glb
from lsr1_pl.report.bodies.overlay import in_keypoint_box
from lsr1_pl.report.step_table import Curves
from lsr1_pl.report.wandb.panels import BODIES, CURVES, FITS, INNER_STEP, SERIES, WORST

_SHOWN, _WORST = 8, 32
_COLOUR = (0.70, 0.80, 0.95)


class FitsPeople(Protocol):
    """A task whose last evaluation kept its people."""

    people: EvaluatedPeople | None
    body: BodyModel
    camera: PinholeCamera


@contextmanager
def case_media(
    task: LightningModule, trainer: Trainer, stage: str, *, worst: bool
) -> Iterator[dict[str, Any]]:
    """Eight people of the last evaluation, always the same, and, if asked for, the worst 32.

    Empty for a task that keeps no people. W&B copies the files when they are logged, which must
    happen inside the block.
    """
    people: EvaluatedPeople | None = getattr(task, "people", None)
    if people is None:
        yield {}
        return
    names = _names(trainer, stage, len(people.fitted))
    with tempfile.TemporaryDirectory() as folder:
        fitter = _Fits(task, people, Path(folder))  # type: ignore[arg-type]
        shown = torch.linspace(0, len(names) - 1, min(_SHOWN, len(names))).long().tolist()
        media = {
            FITS: [fitter.overlay(i, f"{names[i]}: {people.fitted_mm[i]:.0f} mm") for i in shown],
            BODIES: [fitter.body(i, names[i]) for i in shown],
        }
        if worst:
            media[WORST] = fitter.table(names)
        yield media


def curve_charts(curves: Curves, stage: str) -> dict[str, Any]:
    """A chart by inner step of each metric, one line a solver."""
    import wandb

    charts: dict[str, Any] = {}
    for metric, by_solver in curves.items():
        if not any(by_solver.values()):
            continue
        key = f"{stage}/{CURVES}/{_slug(metric.split(' (')[0])}"
        # Of several sets of joints, the first one has the plain name.
        key = key if key not in charts else f"{stage}/{CURVES}/{_slug(metric)}"
        lines = list(by_solver.values())
        charts[key] = wandb.plot.line_series(
            [list(range(len(line))) for line in lines],
            [list(line) for line in lines],
            keys=list(by_solver),
            title=metric,
            xname="inner step",
        )
    return charts


def curve_series(curves: Curves, stage: str) -> list[dict[str, Any]]:
    """Each solver's curves as plain numbers, a row an inner step: W&B overlays them over runs.

    The keys are ``STAGE/series/METRIC/SOLVER`` and :data:`INNER_STEP`.
    """
    rows: dict[int, dict[str, Any]] = {}
    for metric, by_solver in curves.items():
        for solver, line in by_solver.items():
            key = f"{stage}/{SERIES}/{_slug(metric)}/{_slug(solver)}"
            for k, value in enumerate(line):
                rows.setdefault(k, {INNER_STEP: k})[key] = value
    return [rows[k] for k in sorted(rows)]


class _Fits:
    """Files of people's fits, made as they are asked for."""

    def __init__(self, task: FitsPeople, people: EvaluatedPeople, folder: Path) -> None:
        # People are kept on the CPU, and so is what draws them.
        self._body = copy.deepcopy(task.body).cpu()
        self._joints_of = self._body.select(COCO18)
        self._camera, self._people, self._folder = task.camera, people, folder

    def overlay(self, person: int, caption: str, *, side: bool = True) -> Any:
        """The body over its detections, and, if asked for, from the side."""
        import wandb

        people = self._people
        mesh, marks = in_keypoint_box(
            self._body,
            self._joints_of,
            self._camera,
            people.fitted[person],
            people.keypoints[person],
            people.visibility[person],
        )
        row: list[Panel | tuple[ArrayLike, str]] = [
            Panel(mesh, "over the keypoints", 0.0, _COLOUR, points=marks)
        ]
        if side:
            row.append(Panel(mesh, "from the side", 90.0, _COLOUR))
        path = self._folder / f"fit_{person}_{len(row)}.png"
        draw_bodies(path, [row], self._body.faces.numpy(), dpi=90)
        return wandb.Image(str(path), caption=caption)

    def body(self, person: int, caption: str) -> Any:
        """The body as a GLB file."""
        import wandb

        pose, betas = split_variables(self._people.fitted[person : person + 1])
        path = self._folder / f"body_{person}.glb"
        write_glb(path, self._body, pose, betas[0])
        return wandb.Object3D(str(path), caption=caption)

    def table(self, names: Sequence[str]) -> Any:
        """The people with the largest errors, the worst first."""
        import wandb

        people = self._people
        columns: list[str | int] = [
            "person",
            "PA-MPJPE (mm)",
            "initial PA-MPJPE (mm)",
            "reprojection (1e-3)",
            "visible keypoints",
            "fit",
        ]
        table = wandb.Table(columns=columns)
        for i in worst_people(people.fitted_mm, _WORST):
            table.add_data(
                names[i],
                float(people.fitted_mm[i]),
                float(people.initial_mm[i]),
                float(people.reprojection[i]),
                int((people.visibility[i] > 0).sum()),
                self.overlay(i, names[i], side=False),
            )
        return table


def worst_people(errors: Tensor, count: int) -> list[int]:
    """Of errors (P,), the ``count`` largest, infinite ones first; people without one are left
    out."""
    counted = (~errors.isnan()).nonzero()[:, 0]
    order = errors[counted].argsort(descending=True, stable=True)
    found: list[int] = counted[order][:count].tolist()
    return found


def _names(trainer: Trainer, stage: str, count: int) -> list[str]:
    data: Any = getattr(trainer, "datamodule", None)
    names = data.person_names(stage) if hasattr(data, "person_names") else []
    return names if len(names) == count else [f"person {i}" for i in range(count)]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
