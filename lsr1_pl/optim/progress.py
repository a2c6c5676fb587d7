"""Which problems of a batch go on, and why the others ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from lsr1_pl.optim.bounds import Box
from lsr1_pl.optim.protocol import OptimizerState, alike
from lsr1_pl.optim.stopping import Glance, StoppingTest

_PATIENCE = 3
_PRECISE = 16
"""How many units of rounding a fall must have to be seen."""
_FLATTENED = 0.1
_FEW = 4
_ZERO = "the gradient is zero"
_PRECISION = "the precision of the numbers shows no lower value"


class Progress:
    """B problems on their way.

    A problem ends when its gradient is zero, its stopping test is met, or three steps in a row
    find no lower value. If the first of these promised less than the precision can show, it has
    converged as far as that. A leap to another start ends none but for a gradient of zero.

    Args:
        start: the state before the first step.
        test: when a problem has converged.
        scaled: whether the optimiser's very first direction is as long as the way to a minimum.
        box: the bounds of the variables, if any: gradients are those of the variables that may
            move.
    """

    def __init__(
        self, start: OptimizerState, test: StoppingTest, *, scaled: bool, box: Box | None = None
    ) -> None:
        self._test = test
        self._box = box
        self._earlier = self._held = start
        self.values = [start.evaluation.value]
        self.steps = torch.zeros_like(start.evaluation.value, dtype=torch.long)
        self.evaluations = self.steps + 1
        self._idle = self.steps.clone()
        self._compliance = torch.full_like(_norm(start.iterate), torch.inf)
        self._softest = self._softest_before = torch.zeros_like(self._compliance)
        self._scaled = torch.full_like(self.steps, scaled, dtype=torch.bool)
        self._reasons: list[str] = []
        self._reason = torch.full_like(self.steps, -1)
        self.active = torch.ones_like(self.steps, dtype=torch.bool)
        self._steep = _FLATTENED * _norm(self._gradient(start))
        self._end({_ZERO: (self._gradient(start) == 0).all(dim=1)})

    @property
    def number(self) -> int:
        """Steps of the batch so far."""
        return len(self.values) - 1

    @property
    def going(self) -> bool:
        """Whether any problem goes on."""
        return bool(self.active.any())

    def update(self, before: OptimizerState, after: OptimizerState) -> None:
        """Note the step from ``before`` to ``after``."""
        self.values.append(after.evaluation.value)
        one = torch.ones_like(self.steps)
        taken = one if after.evaluations is None else after.evaluations
        self.evaluations = self.evaluations + torch.where(self.active, taken, 0)
        self.steps = self.steps + self.active
        glance = self._glance(before, after)
        gradient = self._gradient(after)
        met = {_ZERO: (gradient == 0).all(dim=1)}
        if not after.leap:
            self._idle = torch.where(glance.moved, torch.zeros_like(one), self._idle + 1)
            met |= self._test.met(glance)
            if alike(glance.moved) is not True:
                met[_PRECISION] = (self._idle == 1) & self._unseen(after, gradient, glance)
        self._end(met)
        self.active = self.active & (self._idle < _PATIENCE)
        if not after.leap:
            self._scaled = self._scaled | glance.moved
        # At steps that are powers of two.
        if self.number & (self.number - 1) == 0:
            self._earlier, self._held = self._held, after
            self._steep = _FLATTENED * _norm(self._gradient(self._earlier))
            self._softest_before, self._softest = self._softest, torch.zeros_like(self._softest)

    def ends(self) -> Iterator[tuple[str | None, bool]]:
        """Of each problem: why it has converged, if it has; and whether it would go on."""
        for reason, active in zip(self._reason.tolist(), self.active.tolist(), strict=True):
            yield (None if reason < 0 else self._reasons[reason]), active

    def _glance(self, before: OptimizerState, after: OptimizerState) -> Glance:
        p = after.iterate - before.iterate
        gradient = self._gradient(after)
        q = after.evaluation.gradient - before.evaluation.gradient
        if self._box is not None:
            q = torch.where(self._box.free(after.iterate, after.evaluation.gradient), q, 0)
        value, earlier = after.evaluation.value, self._earlier
        moved = value < before.evaluation.value
        rows = [p, q, after.iterate, after.iterate - earlier.iterate, gradient]
        length, change, size, way, slope = (_norm(each) for each in rows)
        measured = moved & (length > 0)
        self._compliance = torch.where(measured, length / change, self._compliance)
        softest = torch.maximum(self._softest, self._compliance)
        self._softest = torch.where(measured, softest, self._softest)
        few = self.number < _FEW
        flattened = torch.ones_like(moved) if few else slope <= self._steep
        return Glance(
            value=value,
            fall=before.evaluation.value - value,
            recent_fall=earlier.evaluation.value - value,
            slope=slope,
            length=length,
            compliance=self._compliance,
            softest=torch.maximum(self._softest_before, self._softest),
            size=size,
            way=torch.maximum(size, way),
            moved=moved,
            steps=self.number,
            flattened=flattened,
        )

    def _unseen(self, after: OptimizerState, gradient: Tensor, glance: Glance) -> Tensor:
        """(B,) whether the direction that found nothing promised less than rounding hides."""
        promised = 0.5 * (after.direction * gradient).sum(dim=1).abs()
        rounding = _PRECISE * torch.finfo(promised.dtype).eps
        # What the value was made of may have been as large as it was at the start.
        height = torch.maximum(glance.value.abs(), self.values[0] - glance.value)
        short = _norm(after.direction) <= rounding * glance.size
        seen = short | (promised <= rounding * height)
        return self._scaled & glance.flattened & seen

    def _gradient(self, state: OptimizerState) -> Tensor:
        gradient = state.evaluation.gradient
        return gradient if self._box is None else self._box.projected(state.iterate, gradient)

    def _end(self, met: Mapping[str, Tensor]) -> None:
        """For the first reason whose (B,) bool is true."""
        ended = torch.stack(list(met.values())) & self.active
        if alike(ended.flatten()) is False:
            return
        self._reasons += [words for words in met if words not in self._reasons]
        for words, problems in reversed(list(zip(met, ended, strict=True))):
            self._reason = torch.where(problems, self._reasons.index(words), self._reason)
        self.active = self.active & ~ended.any(dim=0)


def _norm(rows: Tensor) -> Tensor:
    """(B,) Euclidean norms of (B, N); squares of single precision would overflow."""
    wide = rows.dtype if rows.device.type == "mps" else torch.float64
    return torch.linalg.vector_norm(rows, dim=1, dtype=wide)
