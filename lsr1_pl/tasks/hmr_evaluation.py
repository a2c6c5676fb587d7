"""Errors by inner step of several solvers on the same people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from lsr1_pl.metrics import PAMPJPE
from lsr1_pl.optim import BatchedOptimizer

EVALUATED_KEYPOINTS = 14
"""PA-MPJPE is taken on the first 14 of the 18 keypoints: nose, neck and the limbs' twelve."""

PA_MPJPE, REPROJECTION, NONFINITE = "PA-MPJPE (mm)", "reprojection (1e-3)", "non-finite states"


class FitSample(NamedTuple):
    """A few fitted bodies, for pictures: n people, V vertices."""

    faces: Tensor
    """(F, 3)."""
    truth: Tensor
    """(n, V, 3) in metres."""
    fits: dict[str, Tensor]
    """Solver -> (n, V, 3)."""
    errors_mm: dict[str, Tensor]
    """Solver -> (n,) PA-MPJPE."""
    keypoints: Tensor
    """(n, 18, 2) normalised."""
    visibility: Tensor
    """(n, 18)."""


class SolverErrors(nn.Module):
    """Errors of one solver at its inner steps 0 to K, over any number of batches.

    Args:
        solver: what made the states.
        states: K + 1.
    """

    def __init__(self, solver: BatchedOptimizer, states: int) -> None:
        super().__init__()
        # Not a submodule: the solver's parameters belong to the task.
        object.__setattr__(self, "solver", solver)
        self.pa_mpjpe = nn.ModuleList(PAMPJPE() for _ in range(states))
        self.value = nn.ModuleList(MeanMetric(nan_strategy="disable") for _ in range(states))
        self.nonfinite = [0] * states
        self.count = 0

    solver: BatchedOptimizer

    def update(self, step: int, joints: Tensor, target: Tensor, value: Tensor) -> None:
        """One batch's state ``step``: joints and target (B, 18, 3) in metres, value (B,)."""
        evaluated = slice(0, EVALUATED_KEYPOINTS)
        self.pa_mpjpe[step].update(joints[:, evaluated], target[:, evaluated])  # type: ignore[operator]
        self.value[step].update(value)  # type: ignore[operator]
        self.nonfinite[step] += int((~torch.isfinite(joints).all(dim=(1, 2))).sum())
        self.count += len(joints) if step == 0 else 0

    def curves(self) -> dict[str, list[float]]:
        """Metric -> its value at each inner step, over all people so far."""
        return {
            PA_MPJPE: [float(metric.compute()) for metric in self.pa_mpjpe],  # type: ignore[operator]
            REPROJECTION: [1e3 * float(metric.compute()) for metric in self.value],  # type: ignore[operator]
            NONFINITE: [float(n) for n in self.nonfinite],
        }


def start_errors(
    solvers: Mapping[str, BatchedOptimizer], steps: int, device: torch.device
) -> dict[str, SolverErrors]:
    """Fresh errors of each solver, for ``steps`` inner steps."""
    return {name: SolverErrors(s, steps + 1).to(device) for name, s in solvers.items()}


def evaluation_note(count: int) -> str:
    """The protocol line under every table."""
    return (
        f"{count} people; PA-MPJPE on {EVALUATED_KEYPOINTS} keypoints (nose, neck, shoulders, "
        "elbows, wrists, hips, knees, ankles), similarity-aligned person by person."
    )
