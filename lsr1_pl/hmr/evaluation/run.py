"""One evaluation of several solvers: run on every batch, reported once at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from lsr1_pl.data import DetectionBatch
from lsr1_pl.hmr.evaluation.errors import (
    KEYPOINTS,
    NONFINITE,
    PA_MPJPE,
    REPROJECTION,
    JointSets,
    MeanErrors,
    errors_of,
    metric_name,
)
from lsr1_pl.hmr.evaluation.people import EvaluatedPeople, PeopleKeeper
from lsr1_pl.hmr.evaluation.protocols import PROTOCOLS
from lsr1_pl.hmr.evaluation.synthetic import synthetic_note
from lsr1_pl.hmr.evaluation.threedpw import FrameErrors, ThreeDPWEvaluation
from lsr1_pl.hmr.fitting.fitter import FitOptimizer, Fitter
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.start import GivenStart
from lsr1_pl.hmr.variables import split_variables


class EvaluationRun:
    """Errors of solvers over the batches of one validation or test.

    Args:
        solvers: by name; the first is the trained one, which is logged.
        steps: inner steps that are run.
        reported: the step whose errors are logged as the result.
        device: of the metrics.
        threedpw: of the evaluation on 3DPW; None for views of known bodies.
        keep_people: whether every person's fit by the trained solver is kept.
    """

    def __init__(
        self,
        solvers: Mapping[str, FitOptimizer],
        steps: int,
        reported: int,
        device: torch.device,
        threedpw: ThreeDPWEvaluation | None,
        keep_people: bool = False,
    ) -> None:
        sets = [KEYPOINTS] if threedpw is None else threedpw.names
        rooted = [] if threedpw is None else sets
        self._solvers = solvers
        self._errors = {name: MeanErrors(steps + 1, sets, rooted).to(device) for name in solvers}
        self._trained = next(iter(solvers))
        self._frame_errors = {name: FrameErrors() for name in solvers}
        self._frames = 0
        self._steps = steps
        self._reported = reported
        self._threedpw = threedpw
        self._keeper = PeopleKeeper() if keep_people else None

    def add(
        self, fitter: Fitter, observation: Observation, joint_sets: JointSets
    ) -> dict[str, Tensor]:
        """Fit a batch with every solver, all from one start: solver -> iterates (K + 1, B, N).

        Args:
            fitter: how the people are fitted; its optimizer gives way to each solver.
            observation: of the B people.
            joint_sets: what is compared of B iterates.
        """
        iterates, seen = {}, observation.visibility.any(dim=1)
        begun = GivenStart(fitter.start(observation), fitter.start.gradients)
        for name, solver in self._solvers.items():
            fit = replace(fitter, start=begun, optimizer=solver).fit(observation, self._steps)
            errors = errors_of(fit, joint_sets)
            self._errors[name].update(errors, seen)
            if self._keeper is not None and name == self._trained:
                self._keeper.add(observation, fit.iterates, errors, self._reported)
            iterates[name] = fit.iterates
        return iterates

    def add_frames(
        self,
        iterates: Mapping[str, Tensor],
        joint_sets: JointSets,
        vertex_errors: Callable[[Tensor, Tensor, DetectionBatch], Mapping[str, Tensor]],
        batch: DetectionBatch,
    ) -> None:
        """What is taken of the reported step alone: vertices, and joints over time."""
        self._frames += len(batch.pose)
        for name, path in iterates.items():
            final = path[self._reported]
            vertices = vertex_errors(*split_variables(final), batch)
            self._frame_errors[name].add(joint_sets(final), batch, vertices)

    def people(self) -> EvaluatedPeople | None:
        """Every person so far, if they are kept."""
        return None if self._keeper is None else self._keeper.people()

    def curves(self) -> dict[str, dict[str, list[float]]]:
        """Metric -> solver -> its value at each inner step."""
        by_solver = {name: errors.curves() for name, errors in self._errors.items()}
        return {
            metric: {name: curves[metric] for name, curves in by_solver.items()}
            for metric in by_solver[self._trained]
        }

    def note(self) -> str:
        """The protocol, and the errors of the reported step that have no curve."""
        counts = self._errors[self._trained].counts
        if self._threedpw is None:
            return synthetic_note(counts[KEYPOINTS])
        lines = [self._threedpw.note(counts, self._frames), f"After {self._reported} steps:"]
        for solver, errors in self._frame_errors.items():
            for metric, by_protocol in errors.compute().items():
                if by_protocol:
                    values = ", ".join(
                        f"{name} {value:.1f}{_unit(metric, name)}"
                        for name, value in by_protocol.items()
                    )
                    lines.append(f"{solver}, {metric}{_unit(metric)}: {values}")
        return "\n".join(lines)

    def logged(self, prefix: str) -> dict[str, float]:
        """What goes into the logs, under ``prefix``; ``pa_mpjpe`` is of the first joint set."""
        curves = self._errors[self._trained].curves()
        first = next(iter(self._errors[self._trained].counts))
        pa_mpjpe = curves[metric_name(PA_MPJPE, first)]
        found = {"pa_mpjpe": pa_mpjpe[self._reported], "nonfinite_states": sum(curves[NONFINITE])}
        for key, curve in (("pa_mpjpe", pa_mpjpe), ("reprojection", curves[REPROJECTION])):
            found |= {f"{key}_step_{k:02d}": value for k, value in enumerate(curve)}
        if self._threedpw is not None:
            for metric, by_protocol in self._frame_errors[self._trained].compute().items():
                found |= {f"{metric.lower()}_{name}": v for name, v in by_protocol.items()}
        return {f"{prefix}/{key}": value for key, value in found.items()}


def _unit(metric: str, protocol: str = "") -> str:
    """The unit behind a metric's name; behind a value, one that only its protocol has."""
    usual = "mm" if metric == "PVE" else "mm/frame^2"
    if not protocol:
        return f" ({usual})"
    own = usual if metric == "PVE" else PROTOCOLS[protocol].acceleration_unit
    return "" if own == usual else f" {own}"
