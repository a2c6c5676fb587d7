"""Small nonlinear least squares: one layer of tanh."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.objectives.base import AutogradObjective


class TanhLeastSquares(AutogradObjective):
    """``f(x) = mean_m (tanh(a_m . x) - y_m)^2``: not convex, flat where tanh saturates.

    Args:
        features: (B, M, N) a.
        targets: (B, M) y.
    """

    def __init__(self, features: Tensor, targets: Tensor) -> None:
        if features.ndim != 3 or targets.shape != features.shape[:2]:
            raise UserError(
                f"TanhLeastSquares got features {tuple(features.shape)} and targets "
                f"{tuple(targets.shape)}; expected (B, M, N) and (B, M)"
            )
        self.features = features
        self.targets = targets

    @in_full_precision
    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        outputs = torch.tanh(torch.bmm(self.features, x.unsqueeze(2)).squeeze(2))
        return (outputs - self.targets).square().mean(dim=1)
