"""How far the states of a fit are from the truth, person by person and as means by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from lsr1_pl.hmr.fitting.fitter import Fit
from lsr1_pl.metrics import MeanOverBodies, mpjpe, pa_mpjpe

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


JointSets = Callable[[Tensor], list[JointSet]]
"""Iterates (B, N) -> what is compared of them."""


@dataclass(frozen=True)
class FitErrors:
    """Errors of B people after each of S states, for each set of joints."""

    pa_mpjpe: Mapping[str, Tensor]
    """Set -> (S, B) millimetres, float64: infinite where a state is not finite, NaN for people
    that do not count."""
    mpjpe: Mapping[str, Tensor]
    """Set -> likewise (S, B), where the set has roots."""
    reprojection: Tensor
    """(S, B) in sides of the keypoints' box."""
    nonfinite: Tensor
    """(S, B) bool: states that are not finite."""
    counted: Mapping[str, Tensor]
    """Set -> (B,) bool: who counts."""


def errors_of(fit: Fit, joint_sets: JointSets) -> FitErrors:
    """The errors of every state that a fit went through.

    Args:
        fit: of B people.
        joint_sets: what is compared of B iterates.
    """
    aligned: dict[str, list[Tensor]] = {}
    rooted: dict[str, list[Tensor]] = {}
    counted: dict[str, Tensor] = {}
    for x in fit.iterates:
        for joints in joint_sets(x):
            kept = counted[joints.name] = joints.counted
            predicted, true = joints.predicted[kept], joints.true[kept]
            some = bool(kept.any())
            error = pa_mpjpe(predicted, true) if some else None
            aligned.setdefault(joints.name, []).append(_placed(kept, error))
            if joints.roots is not None:
                ours, theirs = (roots[kept] for roots in joints.roots)
                error = mpjpe(predicted, true, ours, theirs) if some else None
                rooted.setdefault(joints.name, []).append(_placed(kept, error))
    return FitErrors(
        {name: torch.stack(errors) for name, errors in aligned.items()},
        {name: torch.stack(errors) for name, errors in rooted.items()},
        fit.reprojection,
        ~torch.isfinite(fit.iterates).all(dim=2),
        counted,
    )


def _placed(kept: Tensor, error: Tensor | None) -> Tensor:
    """(B,) the errors of those who are ``kept`` (B,), NaN for the others."""
    placed = torch.full(kept.shape, torch.nan, dtype=torch.float64, device=kept.device)
    if error is not None:
        placed[kept] = error.double()
    return placed


class MeanErrors(nn.Module):
    """Mean errors of one solver at its inner steps 0 to K, over any number of batches.

    Args:
        states: K + 1.
        sets: names of the sets of joints.
        rooted: those of them that MPJPE is taken on.
    """

    def __init__(self, states: int, sets: Sequence[str], rooted: Sequence[str]) -> None:
        super().__init__()
        self.pa_mpjpe = nn.ModuleDict(
            {name: nn.ModuleList(MeanOverBodies() for _ in range(states)) for name in sets}
        )
        self.mpjpe = nn.ModuleDict({name: _means(states) for name in rooted})
        self.value = _means(states)
        self.nonfinite = [0] * states
        self.counts = dict.fromkeys(sets, 0)

    def update(self, errors: FitErrors, seen: Tensor) -> None:
        """Count one batch of B people.

        The reprojection error counts for those who are ``seen`` (B,) at all and are in one of the
        sets of joints.
        """
        valued = seen & torch.stack(list(errors.counted.values())).any(dim=0)
        for step, value in enumerate(errors.reprojection):
            if bool(valued.any()):
                self.value[step].update(value[valued])  # type: ignore[operator]
            self.nonfinite[step] += int(errors.nonfinite[step].sum())
        for name, kept in errors.counted.items():
            if not bool(kept.any()):
                continue
            for step, error in enumerate(errors.pa_mpjpe[name]):
                self.pa_mpjpe[name][step].update(error[kept])  # type: ignore[index]
            for step, error in enumerate(errors.mpjpe.get(name, ())):
                self.mpjpe[name][step].update(error[kept])  # type: ignore[index]
            self.counts[name] += int(kept.sum())

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
