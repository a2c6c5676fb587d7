"""The learned BFGS: its steps computed by hand, its invariances, its meta-gradient."""

from __future__ import annotations

import pytest
import torch
from meta_gradients import is_gradient_in_all_weights
from random_problems import quadratics, starts
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import FunctionObjective, Quadratic
from lsr1_pl.optim import LearnedBFGS, Safeguarded, unroll
from lsr1_pl.optim.classical.bfgs import bfgs_update

D = torch.float64


def trained() -> LearnedBFGS:
    """One whose weights have left BFGS."""
    torch.manual_seed(0)
    optimizer = LearnedBFGS().to(D)
    nn.init.normal_(optimizer.network[-1].weight, std=0.3)
    nn.init.normal_(optimizer.linear.weight[:, 3:], std=0.3)
    return optimizer


def first_pair(H: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """p and q of half the best step along the gradient, and 0.8 p.q / q.q I."""
    p = -0.5 * (g @ g) / (g @ H @ g) * g
    q = H @ p
    return p, q, 0.8 * (p @ q) / (q @ q) * torch.eye(len(g), dtype=D)


def test_untrained_it_is_bfgs() -> None:
    problems, x0 = quadratics(1, 4), starts(1, 4)
    with torch.no_grad():
        path = unroll(LearnedBFGS().to(D), problems, x0, 5).iterates[:, 0]
    H, b, x = problems.H[0], problems.b[0], x0[0]
    p, q, B = first_pair(H, H @ x + b)
    for step in range(5):
        B = bfgs_update(B[None], p[None], q[None])[0]
        p = -B @ (H @ x + b)
        x, q = x + p, H @ p
        torch.testing.assert_close(path[step + 1], x)


def test_trained_steps_are_those_computed_by_hand() -> None:
    optimizer, problems, x0 = trained(), quadratics(2, 3), starts(2, 3)
    inner, middle, outer = (optimizer.of_means[i].weight for i in (0, 2, 4))
    wide, last = optimizer.network[0].weight, optimizer.network[2].weight
    with torch.no_grad():
        path = unroll(optimizer, problems, x0, 3)
        for row in range(2):
            H, b, x = problems.H[row], problems.b[row], x0[row]
            p, q, B = first_pair(H, H @ x + b)
            for step in range(3):
                own = [torch.stack(z) for z in zip(B @ q, p, -B @ (H @ x + b), strict=True)]
                means = [outer @ (middle @ (inner @ z).clamp_min(0)).clamp_min(0) for z in own]
                mean = torch.stack(means).mean(dim=0)
                seen = [torch.cat([z, mean]) for z in own]
                v = torch.cat(
                    [optimizer.linear.weight @ z + last @ (wide @ z).clamp_min(0) for z in seen]
                )
                r, s = p - B @ q, v @ q
                B = B + (torch.outer(r, v) + torch.outer(v, r)) / s
                B = B - (r @ q) * torch.outer(v, v) / s**2
                torch.testing.assert_close(B @ q, p)
                p = -B @ (H @ x + b)
                x, q = x + p, H @ p
                torch.testing.assert_close(path.iterates[step + 1, row], x)
    assert path.evaluations[:, 0].tolist() == [1, 3, 4, 5]


def quartic(x: Tensor) -> Tensor:
    weights = torch.arange(1, x.shape[1] + 1, dtype=D)
    return (weights * x**2 + 0.1 * x**4).sum(dim=1) + 0.2 * x.sum(dim=1) ** 2


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e3])
@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e4])
def test_neither_the_unit_of_f_nor_that_of_x_nor_where_zero_lies_matters(
    scale: float, unit: float
) -> None:
    x0, shift = starts(3, 4), torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=D)
    other = FunctionObjective(lambda y: scale * quartic(y / unit - shift))
    with torch.no_grad():
        path = unroll(trained(), FunctionObjective(quartic), x0, 6).iterates
        moved = unroll(trained(), other, unit * (x0 + shift), 6).iterates
    torch.testing.assert_close(moved / unit - shift, path, rtol=1e-6, atol=1e-8)


def test_the_order_of_variables_does_not_matter() -> None:
    problems, x0, order = quadratics(2, 4), starts(2, 4), [2, 0, 3, 1]
    other = Quadratic(problems.H[:, order][:, :, order], problems.b[:, order])
    with torch.no_grad():
        path = unroll(trained(), problems, x0, 4).iterates
        turned = unroll(trained(), other, x0[:, order], 4).iterates
    torch.testing.assert_close(turned, path[:, :, order])


def test_a_guard_may_end_its_steps_elsewhere() -> None:
    x0 = 3 * starts(4, 4)
    with torch.no_grad():
        path = unroll(Safeguarded(trained()), FunctionObjective(quartic), x0, 30)
    assert bool((path.values.diff(dim=0) <= 0).all())
    assert bool((path.values[-1] < 1e-6 * path.values[0]).all())


def test_a_pair_of_no_curvature_changes_nothing() -> None:
    optimizer, x = trained(), starts(2, 3)
    slope = FunctionObjective(lambda y: y.sum(dim=1))
    with torch.no_grad():
        state = optimizer.init(x, slope.evaluate(x))
        first = optimizer.step(state, slope)
        again = optimizer.step(first, slope)
    assert torch.equal(first.inverse_hessian, again.inverse_hessian)
    assert bool(again.iterate.isfinite().all())


def test_its_meta_gradient_is_that_of_differences() -> None:
    assert is_gradient_in_all_weights(trained(), size=3)


def test_a_learning_rate_out_of_range_is_refused() -> None:
    with pytest.raises(UserError, match="learning_rate"):
        LearnedBFGS(0.0)
