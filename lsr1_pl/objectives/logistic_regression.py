"""Logistic regression with an L2 penalty."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.objectives.base import AutogradObjective


class LogisticRegression(AutogradObjective):
    """``f(x) = mean_m log(1 + exp(-y_m a_m . x)) + penalty |x|^2``: convex, not quadratic.

    Args:
        features: (B, M, N) a.
        labels: (B, M) y, each -1 or 1.
        penalty: >= 0.
    """

    def __init__(self, features: Tensor, labels: Tensor, penalty: float = 1e-3) -> None:
        if features.ndim != 3 or labels.shape != features.shape[:2]:
            raise UserError(
                f"LogisticRegression got features {tuple(features.shape)} and labels "
                f"{tuple(labels.shape)}; expected (B, M, N) and (B, M)"
            )
        self.features = features
        self.labels = labels
        self.penalty = penalty

    @in_full_precision
    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        margins = self.labels * torch.bmm(self.features, x.unsqueeze(2)).squeeze(2)
        losses = torch.nn.functional.softplus(-margins)
        return losses.mean(dim=1) + self.penalty * x.square().sum(dim=1)
