"""Errors that no similarity is taken out of: root-aligned joints and vertices, acceleration."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError

_MILLIMETRES = 1000.0


def mpjpe(predicted: Tensor, target: Tensor, roots: Tensor, target_roots: Tensor) -> Tensor:
    """Mean joint (or vertex) error of each body with the roots laid on each other, millimetres.

    Args:
        predicted: (B, J, 3) in metres.
        target: (B, J, 3) in metres.
        roots: (B, 3) the predicted bodies' roots.
        target_roots: (B, 3) the true ones.

    Returns:
        (B,), float64; infinite where the prediction is not finite.

    Raises:
        UserError: the shapes do not agree.
    """
    if predicted.shape != target.shape or predicted.ndim != 3 or roots.shape != target_roots.shape:
        raise UserError(
            f"MPJPE got joints {tuple(predicted.shape)} against {tuple(target.shape)}; "
            "expected (B, J, 3) twice"
        )
    ours = predicted.double() - roots.double().unsqueeze(1)
    theirs = target.double() - target_roots.double().unsqueeze(1)
    error = (ours - theirs).norm(dim=2).mean(dim=1) * _MILLIMETRES
    return torch.where(error.isfinite(), error, torch.inf)


def acceleration_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean difference of second differences, in millimetres per frame squared.

    Args:
        predicted: (T, J, 3) in metres, consecutive frames.
        target: (T, J, 3).

    Returns:
        (T - 2,), float64: the error at frames 1 to T - 2; empty below three frames.
    """
    if len(predicted) < 3:
        return predicted.new_zeros(0, dtype=torch.float64)
    second = [
        joints[:-2].double() - 2 * joints[1:-1].double() + joints[2:].double()
        for joints in (predicted, target)
    ]
    return (second[0] - second[1]).norm(dim=2).mean(dim=1) * _MILLIMETRES
