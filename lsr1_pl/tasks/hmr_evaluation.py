"""Errors by inner step of several solvers on the same people, for one set of joints or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from lsr1_pl.hmr import PeopleOptimizer
from lsr1_pl.metrics import PAMPJPE, mpjpe
from lsr1_pl.optim import BatchedOptimizer

EVALUATED_KEYPOINTS = 14
"""On synthetic views, PA-MPJPE is taken on the first 14 of the 18 keypoints: nose, neck and the
limbs' twelve."""

KEYPOINTS = "keypoints"
"""The name of that set of joints."""

PA_MPJPE, MPJPE = "PA-MPJPE (mm)", "MPJPE (mm)"
REPROJECTION, NONFINITE = "reprojection (1e-3)", "non-finite states"


class JointSet(NamedTuple):
    """Joints that are compared: J of them, on B people."""

    name: str
    predicted: Tensor
    """(B, J, 3) in metres."""
    true: Tensor
    """(B, J, 3)."""
    roots: tuple[Tensor, Tensor] | None
    """(B, 3) predicted and true roots, where MPJPE is taken too."""
    counted: Tensor
    """(B,) whether a person counts."""


class SolverErrors(nn.Module):
    """Errors of one solver at its inner steps 0 to K, over any number of batches.

    Args:
        solver: what made the states.
        states: K + 1.
        sets: names of the sets of joints.
        rooted: those of them that MPJPE is taken on.
    """

    def __init__(
        self,
        solver: BatchedOptimizer | PeopleOptimizer,
        states: int,
        sets: Sequence[str],
        rooted: Sequence[str],
    ) -> None:
        super().__init__()
        # Not a submodule: the solver's parameters belong to the task.
        object.__setattr__(self, "solver", solver)
        self.pa_mpjpe = nn.ModuleDict(
            {name: nn.ModuleList(PAMPJPE() for _ in range(states)) for name in sets}
        )
        self.mpjpe = nn.ModuleDict({name: _means(states) for name in rooted})
        self.value = _means(states)
        self.nonfinite = [0] * states
        self.counts = dict.fromkeys(sets, 0)

    solver: BatchedOptimizer | PeopleOptimizer

    def update(
        self, step: int, sets: Sequence[JointSet], iterate: Tensor, value: Tensor, seen: Tensor
    ) -> None:
        """One batch's state ``step``: iterates (B, N), values (B,), and every set of joints.

        Values count for those who are ``seen`` (B,) at all and are in one of the sets.
        """
        valued = seen & torch.stack([joints.counted for joints in sets]).any(dim=0)
        if bool(valued.any()):
            self.value[step].update(value[valued])  # type: ignore[operator]
        self.nonfinite[step] += int((~torch.isfinite(iterate).all(dim=1)).sum())
        for joints in sets:
            kept = joints.counted
            if not bool(kept.any()):
                continue
            predicted, true = joints.predicted[kept], joints.true[kept]
            self.pa_mpjpe[joints.name][step].update(predicted, true)  # type: ignore[index]
            if joints.roots is not None:
                ours, theirs = (roots[kept] for roots in joints.roots)
                error = mpjpe(predicted, true, ours, theirs)
                self.mpjpe[joints.name][step].update(error)  # type: ignore[index]
            self.counts[joints.name] += int(kept.sum()) if step == 0 else 0

    def curves(self) -> dict[str, list[float]]:
        """Metric -> its value at each inner step, over all people so far."""
        curves = {}
        for label, by_set in ((PA_MPJPE, self.pa_mpjpe), (MPJPE, self.mpjpe)):
            for name, metrics in by_set.items():
                computed = [float(metric.compute()) for metric in metrics]  # type: ignore[attr-defined]
                curves[metric_name(label, name)] = computed
        values = [1e3 * float(metric.compute()) for metric in self.value]  # type: ignore[operator]
        return {**curves, REPROJECTION: values, NONFINITE: [float(n) for n in self.nonfinite]}


def metric_name(label: str, joints: str) -> str:
    """What tables call a metric on a set of joints."""
    return label if joints == KEYPOINTS else f"{label}, {joints}"


def _means(states: int) -> nn.ModuleList:
    return nn.ModuleList(MeanMetric(nan_strategy="disable") for _ in range(states))


def start_errors(
    solvers: Mapping[str, BatchedOptimizer | PeopleOptimizer],
    steps: int,
    device: torch.device,
    sets: Sequence[str],
    rooted: Sequence[str],
) -> dict[str, SolverErrors]:
    """Fresh errors of each solver, for ``steps`` inner steps."""
    return {
        name: SolverErrors(solver, steps + 1, sets, rooted).to(device)
        for name, solver in solvers.items()
    }


def synthetic_note(count: int) -> str:
    """The protocol line under a table on synthetic views."""
    return (
        f"{count} people; PA-MPJPE on {EVALUATED_KEYPOINTS} keypoints (nose, neck, shoulders, "
        "elbows, wrists, hips, knees, ankles), similarity-aligned person by person."
    )
