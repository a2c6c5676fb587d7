"""A variant that the package does not have is one small class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim import (
    LSR1,
    Base,
    Diagonal,
    LSR1State,
    Networks,
    Product,
    Rate,
    Safeguarded,
    unroll,
)
from lsr1_pl.optim.lsr1.assembly import assembled


@dataclass(frozen=True)
class NormKept(Product):
    """B turns a vector and never stretches it."""

    def __call__(self, y: Tensor, product: Tensor) -> Tensor:
        return product * (y.norm(dim=1) / product.norm(dim=1)).unsqueeze(1)


@dataclass(frozen=True)
class IdentityUntilLast(Base):
    """The identity until L vectors are stored, then zero for good."""

    def at(self, state: LSR1State) -> Diagonal:
        full = state.curvature.count + 1 >= state.curvature.capacity
        return Diagonal(torch.full_like(state.curvature.scale, 0.0 if full else 1.0))


def problem() -> tuple[Quadratic, Tensor]:
    x = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    A = torch.randn(3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return Quadratic(A.mT @ A, torch.ones_like(x)), x


def test_a_product_of_ones_own_bounds_the_step_by_the_gradient() -> None:
    torch.manual_seed(0)
    learned = LSR1(networks=Networks(4), product=NormKept(), rate=Rate(0.01, 0.0)).double().eval()
    objective, x = problem()
    path = unroll(Safeguarded(learned), objective, x, 4)
    free = unroll(learned, objective, x, 4)
    for k in range(4):
        g = objective.evaluate(free.iterates[k]).gradient
        torch.testing.assert_close(free.directions[k].norm(dim=1), g.norm(dim=1))
    assert path.values.isfinite().all()


def test_a_b0_of_ones_own_sees_the_buffer_fill() -> None:
    learned = LSR1(networks=Networks(4), base=IdentityUntilLast(), buffer_size=3).double().eval()
    objective, x = problem()
    state = learned.init(x, objective.evaluate(x))
    scales = []
    for _ in range(5):
        state = learned.step(state, objective)
        scales.append(float(state.curvature.scale[0]))
    assert scales == [1.0, 1.0, 0.0, 0.0, 0.0]


def test_plain_data_name_it_once_it_is_imported() -> None:
    made = assembled(LSR1, {"base": "IdentityUntilLast", "product": {"class_path": "NormKept"}})
    assert made == {"base": IdentityUntilLast(), "product": NormKept()}
