"""``lsr1_pl.least_squares``: SciPy's solutions, many problems at once, true statuses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from torch import Tensor

import lsr1_pl
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.levenberg_marquardt import LevenbergMarquardt
from lsr1_pl.optim.minimize import Status

D = torch.float64
TIMES = torch.linspace(0, 4, 30, dtype=D)
Residuals = Callable[[Tensor], Tensor]


def rosenbrock(x: Tensor) -> Tensor:
    return torch.cat([10 * (x[..., 1:] - x[..., :-1] ** 2), 1 - x[..., :-1]], dim=-1)


def powell_singular(x: Tensor) -> Tensor:
    a, b, c, d = x.unbind(-1)
    rows = [a + 10 * b, 5**0.5 * (c - d), (b - 2 * c) ** 2, 10**0.5 * (a - d) ** 2]
    return torch.stack(rows, dim=-1)


def freudenstein_roth(x: Tensor) -> Tensor:
    a, b = x.unbind(-1)
    return torch.stack([-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b], dim=-1)


def brown_dennis(x: Tensor) -> Tensor:
    a, b, c, d = x.unsqueeze(-2).unbind(-1)
    t = torch.arange(1, 21, dtype=D) / 5
    return (a + t * b - t.exp()) ** 2 + (c + d * t.sin() - t.cos()) ** 2


def badly_scaled(x: Tensor) -> Tensor:
    a, b = x.unbind(-1)
    return torch.stack([1e4 * a * b - 1, (-a).exp() + (-b).exp() - 1.0001], dim=-1)


def decay(x: Tensor) -> Tensor:
    a, b, c = x.unsqueeze(-2).unbind(-1)
    return a * (-b * TIMES).exp() + c


def fit_of_decay(x: Tensor) -> Tensor:
    return decay(x) - decay(x.new_tensor([2.5, 1.3, 0.5])) - 0.05 * torch.sin(17 * TIMES)


CLASSICAL: dict[str, tuple[Residuals, list[float]]] = {
    "rosenbrock": (rosenbrock, [-1.2, 1.0]),
    "powell singular": (powell_singular, [3.0, -1.0, 0.0, 1.0]),
    "freudenstein and roth": (freudenstein_roth, [0.5, -2.0]),
    "brown and dennis": (brown_dennis, [25.0, 5.0, -5.0, -1.0]),
    "powell badly scaled": (badly_scaled, [0.0, 1.0]),
    "decay": (fit_of_decay, [1.0, 1.0, 0.0]),
}


@pytest.mark.parametrize("name", CLASSICAL)
def test_it_finds_what_scipy_finds(name: str) -> None:
    residuals, start = CLASSICAL[name]
    x0 = torch.tensor(start, dtype=D)
    found = lsr1_pl.least_squares(residuals, x0)
    theirs = optimize.least_squares(
        lambda x: residuals(torch.from_numpy(x)).numpy(),
        np.array(start),
        method="lm",
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
    )
    assert found.status is Status.CONVERGED, found.reason
    assert float(found.fun) <= theirs.cost + 1e-8 * (1 + theirs.cost)
    np.testing.assert_allclose(found.x.numpy(), theirs.x, rtol=1e-4, atol=1e-5)


def test_a_thousand_curves_are_fitted_at_once() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = 0.5 + torch.rand(1000, 3, dtype=D, generator=generator)
    noise = 0.02 * torch.randn(1000, 30, dtype=D, generator=generator)
    data = decay(truth) + noise
    found = lsr1_pl.least_squares(
        lambda x, data: decay(x) - data, torch.ones(1000, 3, dtype=D), args=(data,)
    )
    assert bool(found.success.all())
    assert int(found.steps.max()) <= 20
    for i in (0, 123, 999):
        single = lsr1_pl.least_squares(lambda x, i=i: decay(x) - data[i], torch.ones(3, dtype=D))
        torch.testing.assert_close(found.x[i], single.x, rtol=1e-9, atol=1e-9)
        theirs = optimize.curve_fit(
            lambda t, a, b, c: a * np.exp(-b * t) + c, TIMES.numpy(), data[i].numpy(), np.ones(3)
        )[0]
        np.testing.assert_allclose(found.x[i].numpy(), theirs, rtol=1e-4, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(CLASSICAL)),
    st.integers(0, 10_000),
    st.sampled_from([1e-3, 1.0, 30.0]),
    st.integers(0, 12),
    st.booleans(),
)
def test_no_value_is_above_the_start(
    name: str, seed: int, spread: float, steps: int, bounded: bool
) -> None:
    residuals, start = CLASSICAL[name]
    generator = torch.Generator().manual_seed(seed)
    x0 = spread * torch.randn(3, len(start), dtype=D, generator=generator)
    if not bool(residuals(x0).square().sum(dim=1).isfinite().all()):
        return
    bounds = (x0 - 0.5, x0 + 1) if bounded else None
    found = lsr1_pl.least_squares(residuals, x0, steps, bounds=bounds)
    values = torch.cat([found.values, found.value.unsqueeze(0)])
    assert bool((values.diff(dim=0) <= 0).all())
    torch.testing.assert_close(0.5 * residuals(found.x).square().sum(dim=1), found.value)
    if bounded:
        assert bool(((found.x >= x0 - 0.5) & (found.x <= x0 + 1)).all())


@pytest.mark.parametrize("size", [40, 400])
def test_many_variables_are_served_with_and_without_a_matrix(size: int) -> None:
    found = lsr1_pl.least_squares(rosenbrock, torch.full((size,), 0.5, dtype=D))
    assert found.success is True
    torch.testing.assert_close(found.x, torch.ones(size, dtype=D), rtol=1e-6, atol=1e-6)


def test_bounds_are_kept_and_scipys_minimum_is_found() -> None:
    upper = torch.tensor([0.5, 2.0], dtype=D)
    found = lsr1_pl.least_squares(
        rosenbrock, torch.tensor([-1.2, 1.0], dtype=D), bounds=(None, upper)
    )
    assert found.success is True
    torch.testing.assert_close(found.x, torch.tensor([0.5, 0.25], dtype=D))


def test_units_of_variables_do_not_matter() -> None:
    unit = torch.tensor([1e6, 1e-4, 1.0], dtype=D)
    start = torch.tensor([1.0, 1.0, 0.0], dtype=D)
    plain = lsr1_pl.least_squares(fit_of_decay, start)
    other = lsr1_pl.least_squares(lambda x: fit_of_decay(x / unit), start * unit)
    torch.testing.assert_close(other.x / unit, plain.x, rtol=1e-6, atol=1e-8)


def test_nests_arrays_and_limits_serve_as_in_minimize() -> None:
    y = 3 * TIMES + 1
    found = lsr1_pl.least_squares(
        lambda p: p["slope"] * TIMES + p["offset"] - y,
        {"slope": torch.tensor(0.0, dtype=D), "offset": np.zeros((), dtype=np.float64)},
    )
    assert isinstance(found.x["offset"], np.ndarray)
    assert abs(float(found.x["slope"]) - 3) < 1e-8
    start = torch.tensor([25.0, 5.0, -5.0, -1.0], dtype=D)
    assert lsr1_pl.least_squares(brown_dennis, start, 3).status is Status.STOPPED
    stopped = lsr1_pl.least_squares(brown_dennis, start, callback=lambda now: now.steps == 2)
    assert (int(stopped.steps), stopped.reason) == (2, "the callback stopped it")
    assert "seconds" in lsr1_pl.least_squares(brown_dennis, start, seconds=0.0).reason
    wider = lsr1_pl.least_squares(fit_of_decay, torch.ones(3))
    assert wider.x.dtype == D


def test_a_variable_that_no_residual_depends_on_stays() -> None:
    found = lsr1_pl.least_squares(lambda x: x[:2] ** 2 - 4, torch.tensor([1.0, 3.0, 7.0], dtype=D))
    assert found.success is True
    torch.testing.assert_close(found.x, torch.tensor([2.0, 2.0, 7.0], dtype=D))


@pytest.mark.parametrize(
    ("residuals", "x0", "message"),
    [
        (3, torch.zeros(2), "expected a function"),
        (lambda x: x.detach(), torch.zeros(2), "do not depend on x"),
        (lambda x: [x], torch.zeros(2), "gave list"),
        (lambda x: x[:0], torch.zeros(2), "gave none"),
        (lambda x: x.sum(dim=1), torch.zeros(4, 2), "a row of residuals"),
        (lambda x: x / 0, torch.zeros(2), "not finite"),
    ],
)
def test_bad_input_is_named(residuals: Residuals, x0: Tensor, message: str) -> None:
    with pytest.raises(UserError, match=message):
        lsr1_pl.least_squares(residuals, x0)


def test_the_method_needs_residuals() -> None:
    with pytest.raises(UserError, match="least_squares"):
        lsr1_pl.minimize(lambda x: x.square().sum(), torch.ones(2), LevenbergMarquardt())
