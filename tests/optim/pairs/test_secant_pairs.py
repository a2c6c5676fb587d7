"""The products of secant pairs stay in the precision of the problem."""

from __future__ import annotations

import pytest
import torch

from lsr1_pl.objectives import FunctionObjective
from lsr1_pl.optim import BFGS, LBFGS, PSDSR1, SR1, Newton, PairLSR1, unroll


@pytest.mark.parametrize("make", [BFGS, LBFGS, SR1, PSDSR1, Newton, PairLSR1])
def test_pairs_keep_their_precision_beside_networks_of_less(make: type) -> None:
    rows = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))

    def run() -> torch.Tensor:
        return unroll(make(), FunctionObjective(lambda x: (x**4).sum(dim=1)), rows, 4).iterates

    whole = run()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(run(), whole, rtol=0, atol=0, equal_nan=True)
