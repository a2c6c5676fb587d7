"""Classical optimisers against torch.optim, problem by problem."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lsr1_pl.errors import UserError
from lsr1_pl.objectives import FunctionObjective
from lsr1_pl.optim import Adam, BatchedOptimizer, GradientDescent, unroll

REFERENCES: list[tuple[BatchedOptimizer, Callable[[list[Tensor]], torch.optim.Optimizer]]] = [
    (GradientDescent(1e-3), lambda p: torch.optim.SGD(p, lr=1e-3)),
    (Adam(0.05, 0.8, 0.95), lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.8, 0.95))),
]


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(dim=1)


@pytest.mark.parametrize(("ours", "reference"), REFERENCES)
def test_equals_torch(
    ours: BatchedOptimizer, reference: Callable[[list[Tensor]], torch.optim.Optimizer]
) -> None:
    torch.manual_seed(0)
    x0 = torch.randn(5, 4, dtype=torch.float64) * 0.5
    with torch.no_grad():
        together = unroll(ours, FunctionObjective(rosenbrock), x0, 20).iterates
    for i in range(len(x0)):
        x = x0[i : i + 1].clone().requires_grad_()
        optimizer = reference([x])
        for k in range(20):
            optimizer.zero_grad()
            rosenbrock(x).sum().backward()
            optimizer.step()
            torch.testing.assert_close(x[0].detach(), together[k + 1, i], rtol=1e-12, atol=1e-12)


def test_bad_options_are_named() -> None:
    with pytest.raises(UserError, match="learning_rate"):
        GradientDescent(0.0)
    with pytest.raises(UserError, match="beta2"):
        Adam(0.1, beta2=1.0)
