"""What a minimisation gives back, and what it shows on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.optim.bounds import Box
from lsr1_pl.optim.minimize import Minimum, Status
from lsr1_pl.pretrained.functional.layout import Layout


@dataclass(frozen=True)
class Result:
    """Where a minimisation ended; shaped as its start. SciPy's names stand beside ours."""

    x: Any
    """The best point, of the structure and shapes of ``x0``."""
    value: Tensor
    """(B,) for a batch, else (): the objective there, never above the start's."""
    gradient_norm: Tensor
    """(B,) or (): the gradient's largest entry there, by size; of the variables that no bound
    holds."""
    status: Status | list[Status]
    """``converged``, ``stalled`` or ``stopped``; of each problem of a batch."""
    reason: str | list[str]
    """Why it ended, in words; of each problem of a batch."""
    steps: Tensor
    """(B,) or (): steps taken."""
    evaluations: Tensor
    """(B,) or (): gradients and Hessian-vector products."""
    values: Tensor = field(repr=False)
    """(K + 1, B) or (K + 1,): the best value so far, by step."""
    trajectory: Any = field(repr=False)
    """The points by step, K + 1 first, of the structure of ``x0``; None unless asked for."""

    @property
    def success(self) -> bool | Tensor:
        """Whether it has converged; (B,) bool for a batch."""
        if isinstance(self.status, list):
            ended = [each is Status.CONVERGED for each in self.status]
            return torch.tensor(ended, device=self.value.device)
        return self.status is Status.CONVERGED

    @property
    def fun(self) -> Tensor:
        """``value``."""
        return self.value

    @property
    def nit(self) -> Tensor:
        """``steps``."""
        return self.steps

    @property
    def nfev(self) -> Tensor:
        """``evaluations``."""
        return self.evaluations

    @property
    def message(self) -> str | list[str]:
        """``reason``."""
        return self.reason


@dataclass(frozen=True)
class Intermediate:
    """What a callback sees after a step. SciPy's names stand beside ours."""

    x: Any
    """The point, of the structure and shapes of ``x0``."""
    value: Tensor
    """(B,) for a batch, else (): the objective there."""
    steps: int
    """Steps so far."""

    @property
    def fun(self) -> Tensor:
        """``value``."""
        return self.value

    @property
    def nit(self) -> int:
        """``steps``."""
        return self.steps


def result_of(found: Minimum, x: Tensor, layout: Layout, box: Box | None) -> Result:
    """What was found, in the structure of the start; ``x`` (B, N) are its points."""

    def own(batch: Any) -> Any:
        return batch if layout.batched else batch[0]

    path = None
    if found.iterates is not None:
        path = layout.handed_back(layout.shaped_path(found.iterates))
    value, gradient = found.evaluation
    if box is not None:
        gradient = box.projected(found.x, gradient)
    return Result(
        x=layout.handed_back(layout.shaped(x)),
        value=own(value),
        gradient_norm=own(gradient.abs().amax(dim=1)),
        status=own(found.status),
        reason=own(found.reason),
        steps=own(found.steps),
        evaluations=own(found.evaluations),
        values=found.values if layout.batched else found.values[:, 0],
        trajectory=path,
    )
