"""What a step costs: a window of an unroll, and the whole of it, by one definition."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.optim import PairLSR1, unroll
from lsr1_pl.tasks import (
    LogRatioToSkeleton,
    LogSuboptimality,
    MeanValue,
    RelativeSuboptimality,
    StepwiseLoss,
)


@pytest.mark.parametrize(
    "loss",
    [
        MeanValue(),
        RelativeSuboptimality(),
        LogSuboptimality(),
        LogRatioToSkeleton(own_minimum=True),
    ],
)
def test_windows_of_a_loss_add_up_to_it(loss: StepwiseLoss) -> None:
    torch.manual_seed(0)
    optimizer = PairLSR1(3, hidden_dim=4).double()
    nn.init.normal_(optimizer.output.weight, std=0.2)
    objective = Rosenbrock()
    x0 = torch.randn(3, 4, dtype=torch.float64)
    with torch.no_grad():
        path = unroll(optimizer, objective, x0, 6)
        whole, _ = loss.measure(path, objective, optimizer)
        by = loss.yardstick(objective, x0, path.values[0], 6, optimizer)
        first = by(path.values[1:5], path.evaluations[1:5], 1)
        parts = torch.cat([first, by(path.values[5:], path.evaluations[5:], 5)])
    assert parts.shape == (6, 3)
    torch.testing.assert_close(parts.mean(), whole)
    if loss == LogSuboptimality():
        relative = path.values[1:] / path.values[0]
        torch.testing.assert_close(parts, (relative + 1e-10).log())


def test_a_floor_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="LogSuboptimality floor is 0"):
        LogSuboptimality(0)
