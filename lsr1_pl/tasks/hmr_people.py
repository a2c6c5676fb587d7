"""Every person of an evaluation, kept for whoever wants to look at single cases."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.hmr import FittedPeople, Observation
from lsr1_pl.metrics import pa_mpjpe
from lsr1_pl.tasks.hmr_evaluation import JointSet


class PeopleKeeper:
    """Collects :class:`lsr1_pl.hmr.FittedPeople` over the batches of an evaluation."""

    def __init__(self) -> None:
        self._batches: list[FittedPeople] = []

    def add(
        self,
        observation: Observation,
        states: tuple[Tensor, Tensor],
        joints: tuple[JointSet, JointSet],
        value: Tensor,
    ) -> None:
        """One batch of B people.

        Args:
            observation: of them.
            states: initial estimates and fits, (B, N) each.
            joints: of the two, in the set that selects checkpoints.
            value: (B,) reprojection error of the fits, in keypoint boxes.
        """
        errors = _errors_mm(joints[0]), _errors_mm(joints[1])
        batch = FittedPeople(*observation, *states, *errors, 1e3 * value)
        self._batches.append(FittedPeople(*(t.detach().cpu() for t in batch)))

    def people(self) -> FittedPeople | None:
        """All so far; None before any."""
        if not self._batches:
            return None
        return FittedPeople(*(torch.cat(parts) for parts in zip(*self._batches, strict=True)))


def _errors_mm(joints: JointSet) -> Tensor:
    kept = joints.counted
    errors = torch.full(kept.shape, torch.nan, dtype=torch.float64, device=kept.device)
    if bool(kept.any()):
        errors[kept] = pa_mpjpe(joints.predicted[kept], joints.true[kept])
    return errors
