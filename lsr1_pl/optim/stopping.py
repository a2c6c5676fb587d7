"""When a minimisation has converged: tests that see one step, and say in words which are met."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.protocol import alike

_PRECISE = 8
"""How many units of rounding a value, or a point, may be away from what is asked."""

_MANY = 32


@dataclass(frozen=True)
class Glance:
    """What a stopping test sees of the last step of B problems; fields are (B,)."""

    value: Tensor
    """The objective after the step."""
    fall: Tensor
    """How far the step lowered it, >= 0."""
    recent_fall: Tensor
    """How far it has fallen since a step between a quarter and a half of all."""
    slope: Tensor
    """The gradient's norm after the step, of the variables that may move."""
    length: Tensor
    """The norm of the step."""
    compliance: Tensor
    """The norm of the last step over that of the gradient's change: an inverse curvature."""
    softest: Tensor
    """The largest of these since that step."""
    size: Tensor
    """The norm of the point."""
    way: Tensor
    """The norm of the point, or the distance from where it was at that step if that is larger."""
    moved: Tensor
    """Bool: whether the step found a lower value."""
    steps: int
    """How many were taken: a number, not a tensor."""
    flattened: Tensor
    """Bool: whether the slope is a tenth of what it was at that step, or fewer than four steps
    were taken. At a corner it stays as it was, however little is left to fall."""

    @property
    def distance(self) -> Tensor:
        """How far the minimiser may be: by recent curvatures, and the last step itself.

        Near a corner the last curvature alone grows beyond bounds.
        """
        return torch.maximum(self.length, self.slope * (self.compliance * self.softest).sqrt())

    @property
    def gain(self) -> Tensor:
        """How far the value may still fall: by the last step's curvature, and its fall itself.

        After many steps convergence is slow, and many more falls like the last one are to come.
        """
        to_come = self.fall * max(1.0, self.steps / _MANY)
        return torch.maximum(to_come, 0.5 * self.slope * (self.slope * self.compliance))


class StoppingTest(ABC):
    """What ends a problem as converged."""

    @abstractmethod
    def met(self, glance: Glance) -> Mapping[str, Tensor]:
        """(B,) bool for each reason, in the words that a result gives."""


@dataclass(frozen=True)
class Tolerance(StoppingTest):
    """Converged when the value, or the point, is known well enough; nothing here has a unit.

    The slope must have fallen to a tenth of what it was a while ago: that tells a minimum from a
    corner. The last step gives an inverse curvature ``c = |p| / |q|``; from it follow what is left
    to fall, ``gain = max(last fall * max(1, steps / 32), c |g|^2 / 2)``, and how far the minimiser
    may be, ``distance = max(|p|, sqrt(c c') |g|)``, c' the largest c of late. A problem ends at the
    first of these:

    - ``gain <= relative / 10 * |f|``;
    - ``distance <= 10 * relative * |x|``;
    - ``gain <= relative^2 * recent fall`` and ``distance <= sqrt(relative) * max(|x|, recent
      way)``: for minima of 0 at 0. Recent is since a step between a quarter and a half of all.

    The same function times c, or of x times c, ends at the same step. No factor goes below what
    the precision of the numbers can show. With ``relative = 0`` only a zero gradient converges, and
    what finds no lower value within its precision.

    Args:
        relative: >= 0.
    """

    relative: float = 1e-8

    def __post_init__(self) -> None:
        if not self.relative >= 0:
            raise UserError(f"the tolerance is {self.relative}; it must be a number of 0 or more")

    def met(self, glance: Glance) -> Mapping[str, Tensor]:
        """See the class."""
        if self.relative == 0:
            return {}
        rounding = _PRECISE * torch.finfo(glance.value.dtype).eps
        sound = glance.moved & glance.flattened
        if alike(sound) is False:
            return {}
        of_value, of_point = max(0.1 * self.relative, rounding), max(10 * self.relative, rounding)
        of_fall = max(self.relative, rounding) ** 2
        gain, distance = glance.gain, glance.distance
        sound = sound & gain.isfinite()
        near = distance <= max(self.relative, rounding) ** 0.5 * glance.way
        return {
            f"what is left to fall is below {of_value:.0e} of the value": sound
            & (gain <= of_value * glance.value.abs()),
            f"the minimiser is nearer than {of_point:.0e} of the point's norm": sound
            & (distance <= of_point * glance.size),
            f"what is left to fall is below {of_fall:.0e} of the recent fall": sound
            & near
            & (gain <= of_fall * glance.recent_fall),
        }
