"""Under autocast networks run in bfloat16; what a step keeps is of the problem's precision."""

from __future__ import annotations

import pytest
import torch

from lsr1_pl.objectives import DiagonalQuadratic
from lsr1_pl.optim import (
    LSR1,
    BatchedOptimizer,
    CoordinatewiseLSTM,
    LearnedBFGS,
    MomentumMLP,
    Networks,
    RankOneTransformer,
    unroll,
)

LEARNED = (
    LSR1(networks=Networks(4)),
    CoordinatewiseLSTM(4),
    LearnedBFGS(),
    MomentumMLP(4),
    RankOneTransformer(width=4, heads=1, layers=1),
)


@pytest.mark.parametrize("optimizer", LEARNED, ids=lambda each: type(each).__name__)
def test_steps_in_bfloat16(optimizer: BatchedOptimizer) -> None:
    x0 = torch.ones(2, 5, requires_grad=True)
    whole = unroll(optimizer, DiagonalQuadratic(10.0), x0, 3)
    with torch.autocast("cpu", torch.bfloat16):
        path = unroll(optimizer, DiagonalQuadratic(10.0), x0, 3)
    path.values.sum().backward()
    assert path.iterates.dtype == path.directions.dtype == torch.float32
    torch.testing.assert_close(path.values, whole.values, rtol=0.05, atol=0.01)
