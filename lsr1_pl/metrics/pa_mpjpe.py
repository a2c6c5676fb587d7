"""PA-MPJPE: mean joint error after Procrustes alignment."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from lsr1_pl.body.procrustes import similarity_align
from lsr1_pl.ground.errors import UserError

_MILLIMETRES = 1000.0


def pa_mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean joint error of each body after similarity alignment, in millimetres.

    Args:
        predicted: (B, J, 3) in metres.
        target: (B, J, 3) in metres, finite.

    Returns:
        (B,), float64; infinite where the prediction is not finite.

    Raises:
        UserError: the shapes do not agree, or the target is not finite.
    """
    if predicted.shape != target.shape or predicted.ndim != 3 or predicted.shape[2] != 3:
        raise UserError(
            f"PA-MPJPE got joints {tuple(predicted.shape)} against {tuple(target.shape)}; "
            "expected (B, J, 3) twice"
        )
    if not torch.isfinite(target).all():
        raise UserError(
            "PA-MPJPE got true joints that are not finite; leave those bodies out of the data"
        )
    finite = torch.isfinite(predicted).all(dim=2).all(dim=1)
    usable = torch.where(finite.view(-1, 1, 1), predicted, target)
    aligned = similarity_align(usable, target).double()
    error = (aligned - target.double()).norm(dim=2).mean(dim=1) * _MILLIMETRES
    return torch.where(finite, error, torch.inf)


class MeanOverBodies(Metric):
    """Mean of the errors of all bodies seen, in float64; each body weighs the same.

    One error that is not finite makes it so too: a fit that fell over is never averaged away.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, errors: Tensor) -> None:
        """Add bodies: their errors (B,)."""
        self.total += errors.sum()
        self.count += len(errors)

    def compute(self) -> Tensor:
        """Scalar, in the unit of the errors; NaN before any body."""
        return self.total / self.count


class PAMPJPE(MeanOverBodies):
    """Mean PA-MPJPE in millimetres over all bodies seen; each body weighs the same.

    One body that is not finite makes it infinite: a fit that fell over is never averaged away.
    """

    def update(self, predicted: Tensor, target: Tensor) -> None:  # type: ignore[override]
        """Add bodies: joints (B, J, 3), in metres."""
        super().update(pa_mpjpe(predicted, target))
