"""The products of secant pairs stay in the precision of the problem."""

from __future__ import annotations

import pytest
import torch

from lsr1_pl.objectives import FunctionObjective
from lsr1_pl.optim import BFGS, LBFGS, PSDSR1, SR1, Newton, PairLSR1, unroll
from lsr1_pl.optim.pairs.conjugation import combinations


@pytest.mark.parametrize("make", [BFGS, LBFGS, SR1, PSDSR1, Newton, PairLSR1])
def test_pairs_keep_their_precision_beside_networks_of_less(make: type) -> None:
    rows = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))

    def run() -> torch.Tensor:
        return unroll(make(), FunctionObjective(lambda x: (x**4).sum(dim=1)), rows, 4).iterates

    whole = run()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(run(), whole, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("capacity", [1, 2, 6, 20])
def test_the_pairs_of_many_are_combined_to_the_bit_as_each_alone(
    capacity: int, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(0)
    products = torch.randn(300, capacity, capacity, dtype=dtype, generator=generator)
    products = 0.3 * products + torch.eye(capacity, dtype=dtype)
    products[3] = 0
    products[5, -1, -1] = -1
    products[7, 0] = torch.inf
    products[9, :, 0] = torch.nan
    trust = torch.rand(300, capacity, capacity, dtype=dtype, generator=generator)
    together = combinations(products, trust)
    for group in ([i] for i in (*range(12), 254, 255, 256, 257, 299) if i not in (7, 9)):
        apart = combinations(products[group], trust[group])
        for ours, theirs in zip(together, apart, strict=True):
            assert torch.equal(ours[group], theirs)


def test_the_pairs_are_combined_as_autograd_follows_them() -> None:
    generator = torch.Generator().manual_seed(0)
    products = 0.2 * torch.randn(5, 6, 6, dtype=torch.float64, generator=generator)
    products = products + torch.eye(6, dtype=torch.float64)
    products[1, 2, 2] = -1
    trust = torch.rand(5, 6, 6, dtype=torch.float64, generator=generator)
    constant = combinations(products, trust)
    followed = combinations(products.clone().requires_grad_(), trust)
    torch.testing.assert_close(constant, tuple(each.detach() for each in followed))
    torch.testing.assert_close(constant[1], constant[0] @ products)
