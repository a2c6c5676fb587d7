"""Polyak's step size, alone and as L-SR1's B0."""

from __future__ import annotations

import pytest
import torch

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import FunctionObjective
from lsr1_pl.optim import LSR1, PolyakDescent, unroll


def cone(scale: float = 1.0) -> FunctionObjective:
    """scale * |x|: Polyak's full step ends at the minimiser."""
    return FunctionObjective(lambda x: scale * x.square().sum(dim=1).sqrt())


def test_one_full_step_solves_a_cone() -> None:
    x = torch.tensor([[3.0, 4.0], [-1.0, 2.0]])
    path = unroll(PolyakDescent(1.0), cone(7.0), x, 1)
    torch.testing.assert_close(path.iterates[1], torch.zeros(2, 2), atol=1e-6, rtol=0)


def test_relaxed_steps_shrink_a_cone_by_their_factor() -> None:
    x = torch.tensor([[3.0, 4.0]])
    values = unroll(PolyakDescent(0.6), cone(), x, 3).values[:, 0]
    torch.testing.assert_close(values, 5.0 * 0.4 ** torch.arange(4.0))


def test_at_or_below_the_bound_it_stays() -> None:
    objective = FunctionObjective(lambda x: x.square().sum(dim=1))
    x = torch.tensor([[1.0, 1.0], [2.0, 2.0]])
    path = unroll(PolyakDescent(1.0, lower_bound=2.0), objective, x, 2).iterates
    assert torch.equal(path[2, 0], x[0])
    assert path[2, 1].abs().max() < 2


def test_relaxation_must_be_positive() -> None:
    with pytest.raises(UserError, match="relaxation"):
        PolyakDescent(0.0)


def learned(scale: float) -> LSR1:
    torch.manual_seed(0)
    return LSR1(
        hidden_dim=8,
        gamma1=0.6,
        gamma2=0.0,
        initial_curvature="polyak",
        input_normalization="rms",
        vector_init_scale=scale,
    ).eval()


def test_lsr1_without_vectors_is_polyaks_descent() -> None:
    x = torch.tensor([[3.0, 4.0], [-1.0, 2.0]])
    objective = FunctionObjective(lambda x: (x.square() * torch.tensor([1.0, 3.0])).sum(dim=1))
    with torch.no_grad():
        ours = unroll(learned(0.0), objective, x, 4)
        polyak = unroll(PolyakDescent(0.6), objective, x, 4)
    torch.testing.assert_close(ours.iterates, polyak.iterates)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_lsr1_with_it_knows_no_scale_of_the_objective(factor: float) -> None:
    x = torch.tensor([[3.0, 4.0], [-1.0, 2.0]])
    with torch.no_grad():
        plain = unroll(learned(1.0), cone(), x, 4).iterates
        scaled = unroll(learned(1.0), cone(factor), x, 4).iterates
    torch.testing.assert_close(scaled, plain, rtol=1e-4, atol=1e-4)
    assert (plain[-1] - x).abs().max() > 0.1
