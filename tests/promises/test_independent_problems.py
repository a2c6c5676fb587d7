"""``minimize`` on a permutation or a part of a batch, with bad neighbours: the same results."""

from __future__ import annotations

import pytest
import torch
from hostile_problems import OPTIMIZERS, solver
from random_problems import quadratics, starts
from torch import Tensor

from lsr1_pl import minimize

BATCH, SIZE, STEPS = 24, 4, 8
DTYPES = {"float32": (torch.float32, 1e-6), "float64": (torch.float64, 1e-12)}


def problems(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Quadratics' H (B, N, N), b and x0 (B, N); every third one is hostile."""
    drawn, x0 = quadratics(BATCH, SIZE), starts(BATCH, SIZE)
    H, b = drawn.H, drawn.b
    H[0::9] *= 1e12
    H[3::9] *= -1
    b[6::9] = 0
    x0[6::9] = 0
    return H.to(dtype), b.to(dtype), x0.to(dtype)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("precision", DTYPES)
def test_a_permutation_and_a_part_give_the_same(name: str, precision: str) -> None:
    dtype, tolerance = DTYPES[precision]
    H, b, x0 = problems(dtype)

    def solved(rows: Tensor) -> tuple[Tensor, Tensor, list[str], Tensor]:
        def function(x: Tensor) -> Tensor:
            # By hand: a batched product of another size may round differently.
            quadratic = (x * (H[rows] * x.unsqueeze(1)).sum(dim=2)).sum(dim=1)
            return 0.5 * quadratic + (b[rows] * x).sum(dim=1)

        found = minimize(function, x0[rows], solver(name, x0), steps=STEPS)
        return found.x, found.value, [s.value for s in found.status], found.evaluations

    every = torch.arange(BATCH)
    x, value, status, evaluations = solved(every)
    generator = torch.Generator().manual_seed(1)
    permuted = torch.randperm(BATCH, generator=generator)
    sound = every[every % 3 > 0]
    for rows in (permuted, sound, permuted[:5], every[4:5]):
        other = solved(rows)
        scale = x[rows].abs().amax(dim=1, keepdim=True).clamp_min(1)
        assert float(((other[0] - x[rows]) / scale).abs().max()) <= tolerance
        size = value[rows].abs().clamp_min(1)
        assert float(((other[1] - value[rows]) / size).abs().max()) <= tolerance
        assert other[2] == [status[row] for row in rows.tolist()]
        assert torch.equal(other[3], evaluations[rows])


def test_problems_that_end_early_leave_the_others_as_they_are() -> None:
    """Only what goes on is worked on; the function sees the others where they ended."""
    x0 = 2 * torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    seen: list[Tensor] = []

    def function(x: Tensor) -> Tensor:
        if len(x) > 1:
            seen.append(x.detach().clone())
        return 100 * (x[:, 1] - x[:, 0].square()).square() + (1 - x[:, 0]).square()

    points: list[Tensor] = []
    found = minimize(function, x0, callback=lambda now: points.append(now.x), trajectory=True)
    assert len({int(steps) for steps in found.steps}) > 3
    for row, last in enumerate(found.steps.tolist()):
        alone = minimize(function, x0[row : row + 1])
        torch.testing.assert_close(found.x[row], alone.x[0], rtol=1e-12, atol=1e-12)
        assert found.evaluations[row] == alone.evaluations[0]
        assert found.status[row] is alone.status[0]
        assert found.reason[row] == alone.reason[0]
        for point in points[last - 1 :]:
            assert torch.equal(point[row], found.x[row])
    assert all(x.shape == x0.shape for x in seen)
    early = int(found.steps.argmin())
    assert torch.equal(seen[-1][early], found.x[early])
