"""Networks run in bfloat16 under autocast; what surrounds them does not."""

from __future__ import annotations

import torch
from torch import Tensor

from lsr1_pl.body import load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.ground.precision import full_precision
from lsr1_pl.hmr import InitialError
from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim.curvature import LowRankCurvature


def in_bfloat16(*parts: Tensor) -> bool:
    """Whether a product of these comes out lower than it went in."""
    with torch.autocast("cpu", torch.bfloat16):
        return (parts[0] @ parts[1]).dtype == torch.bfloat16


def test_products_are_lowered_and_the_context_prevents_it() -> None:
    square = torch.randn(4, 4)
    assert in_bfloat16(square, square)
    with torch.autocast("cpu", torch.bfloat16), full_precision(square):
        assert (square @ square).dtype == torch.float32


def test_bodies_objectives_curvature_and_metrics_are_the_same_under_autocast() -> None:
    torch.manual_seed(0)
    body = load_body_model("open")
    joints_of, pose, betas = body.select(COCO18), 0.2 * torch.randn(3, 72), torch.randn(3, 10)
    curvature = LowRankCurvature.empty(torch.zeros(3, 5), 2).push(torch.randn(3, 5))
    error, y = InitialError(5), torch.randn(3, 5)
    quadratic = Quadratic(torch.eye(5).expand(3, 5, 5) + 0.1, torch.randn(3, 5))

    def everything() -> list[Tensor]:
        error.update(y)
        return [
            joints_of(pose, betas),
            body.vertices(pose, betas),
            body.rest_joints(betas),
            curvature.matvec(y),
            error.metric().to_x(y),
            error.metric().to_y(y),
            error.metric().gradient_in_y(y),
            *quadratic.evaluate(y),
        ]

    plain = everything()
    error = InitialError(5)
    with torch.autocast("cpu", torch.bfloat16):
        lowered = everything()
    for ours, theirs in zip(lowered, plain, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, rtol=0.0, atol=0.0)
