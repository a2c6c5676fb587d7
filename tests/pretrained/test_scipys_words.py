"""Whoever comes from SciPy gets a result, or one message that says what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds, rosen, rosen_der

import lsr1_pl
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.minimize import Status

ZEROS = np.zeros(4)


def valley(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"method": "L-BFGS-B"}, r"'method'; write optimizer=\"LBFGS\", or leave it out"),
        ({"method": "BFGS"}, r"'method'; write optimizer=\"BFGS\""),
        ({"method": "SLSQP"}, "'method'; leave it out if bounds are all"),
        ({"method": len}, "'method'; write optimizer=NAME"),
        ({"optimizer": "L-BFGS-B"}, r"a method of SciPy; write optimizer=\"LBFGS\""),
        ({"optimizer": "Nelder-Mead"}, "a method of SciPy; no optimiser here works without"),
        ({"optimizer": torch.optim.Adam}, r"Ours of that name is optimizer=\"Adam\""),
        ({"optimizer": (2.0,)}, r"SciPy's third argument is args=\(\.\.\.\) here"),
        ({"jac": "2-point"}, "jac is '2-point'.*there are no differences"),
        ({"jac": True}, r"must give \(value, gradient\), and it gave float64"),
        ({"hess": len}, "'hess'; leave it out"),
        ({"options": {"maxiter": 9, "gtol": 1e-5}}, "'maxiter' write steps=.*'gtol' write tol="),
        ({"options": {"tol": 1e-5}}, "for 'tol' write tol= beside the other arguments"),
        ({"options": None}, "'options'; leave it out"),
        ({"maxiter": 9}, "'maxiter'; write steps="),
        ({"constraints": ()}, "'constraints'; for constraints other than bounds"),
        ({"optimiser": "BFGS"}, "'optimiser'; it has fn, x0, .*did you mean 'optimizer'"),
        ({"bounds": [(0, 1)] * 4}, r"give bounds=tuple\(zip\(\*pairs\)\)"),
        ({"callback": 3}, "callback is 3; expected a function"),
        ({"callback": lambda x, state: None}, "missing a required argument: 'state'"),
        ({"callback": lambda xk: xk[0]}, "SciPy's xk is now.x"),
        ({"callback": np.linalg.norm}, "SciPy's xk is now.x"),
        ({"callback": lambda now: now.x < 9}, r"gave \(4,\) answers; .* \.all\(\) or \.any\(\)"),
    ],
)
def test_what_to_write_instead_is_said(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        lsr1_pl.minimize(valley, ZEROS, **given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"method": "trf"}, "'method'; leave it out: there is one method"),
        ({"jac": "2-point"}, "'jac'; leave it out"),
        ({"loss": "soft_l1"}, "'loss'; there are no robust losses"),
        ({"ftol": 1e-8}, "'ftol'; write tol="),
    ],
)
def test_least_squares_says_it_too(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=f"least_squares has no argument {words}"):
        lsr1_pl.least_squares(lambda x: x - 1, ZEROS, **given)


@pytest.mark.parametrize(
    "function",
    [
        rosen,
        lambda x: np.sum(x**2),
        lambda x: ((np.ones(4) - x) ** 2).sum(),
        lambda x: (x.astype(float) ** 2).sum(),
        lambda x: np.linalg.norm(x.copy()),
    ],
)
@pytest.mark.parametrize("solve", [lsr1_pl.minimize, lsr1_pl.least_squares])
def test_a_function_of_numpy_is_told_apart(
    function: Callable[[Any], Any], solve: Callable[..., Any]
) -> None:
    with pytest.raises(UserError, match="works with NumPy, but without jac it gets torch tensors"):
        solve(function, ZEROS)


def test_an_error_of_the_function_itself_is_the_user_s_own() -> None:
    with pytest.raises(TypeError, match="can only concatenate"):
        lsr1_pl.minimize(lambda x: "a" + 1, ZEROS)  # type: ignore[operator]


def test_an_error_of_the_callback_itself_is_the_user_s_own() -> None:
    with pytest.raises(TypeError, match="can only concatenate"):
        lsr1_pl.minimize(valley, ZEROS, callback=lambda now: "a" + 1)  # type: ignore[operator]


@pytest.mark.parametrize("bounds", [Bounds(-0.5, 0.8), Bounds([-0.5] * 4, [0.8] * 4)])
def test_scipys_bounds_serve(bounds: Any) -> None:
    ours = lsr1_pl.minimize(valley, ZEROS, bounds=(-0.5, 0.8))
    found = lsr1_pl.minimize(valley, ZEROS, bounds=bounds)
    assert found.success
    np.testing.assert_array_equal(found.x, ours.x)
    assert found.x[0] == 0.8


def test_one_number_of_scipys_bounds_is_of_every_variable_of_a_nest() -> None:
    start = {"a": torch.zeros(2), "b": torch.zeros(3)}
    found = lsr1_pl.minimize(
        lambda p: (p["a"] - 2).square().sum() + (p["b"] - 2).square().sum(),
        start,
        bounds=Bounds(0, 1),
    )
    assert found.x["a"].tolist() == [1, 1]
    assert found.x["b"].tolist() == [1, 1, 1]


def test_bounds_of_numbers_are_of_the_precision_of_the_start() -> None:
    found = lsr1_pl.minimize(valley, ZEROS, bounds=tuple(zip(*[(-0.5, 0.8)] * 4, strict=True)))
    assert found.x.max() == 0.8


@pytest.mark.parametrize("pairs", [((0, None), (0, None)), [(0, None), [0, None]]])
def test_pairs_of_two_variables_are_never_misread(pairs: Any) -> None:
    mend = r"bounds=\((np\.array\(\[0, 0\]\), np\.array\(\[np\.inf, np\.inf\]\))\)"
    with pytest.raises(UserError, match=mend):
        lsr1_pl.minimize(valley, np.zeros(2), bounds=pairs)
    found = lsr1_pl.minimize(
        valley, np.zeros(2), bounds=(np.array([0, 0]), np.array([np.inf, np.inf]))
    )
    np.testing.assert_allclose(found.x, 1, rtol=1e-5)


def test_pairs_are_no_riddle_where_x0_is_a_nest_of_two() -> None:
    found = lsr1_pl.minimize(
        lambda p: (p[0] - 2).square().sum() + (p[1] - 2).square().sum(),
        [torch.zeros(2), torch.zeros(3)],
        bounds=([0.0, 0.0], [1.0, 1.5]),
    )
    assert found.x[1].tolist() == [1.5, 1.5, 1.5]


@pytest.mark.parametrize("answer", [lambda now: now.fun < 0.1, lambda now: np.bool_(now.nit > 3)])
def test_a_true_of_torch_or_numpy_ends_the_run(answer: Callable[[Any], Any]) -> None:
    found = lsr1_pl.minimize(rosen, ZEROS, jac=rosen_der, callback=answer)
    assert found.status is Status.STOPPED
    assert found.reason == "the callback stopped it"


def test_a_number_of_the_callback_is_no_answer() -> None:
    assert lsr1_pl.minimize(valley, ZEROS, callback=lambda now: now.value).success


def test_a_printed_result_is_short() -> None:
    found = lsr1_pl.minimize(valley, np.zeros(100), trajectory=True, steps=50)
    assert "values=" not in repr(found)
    assert "trajectory=" not in repr(found)
