"""Performance profiles: the laws of Eq. 11."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsr1_pl.bench.functions.performance_profile import profile

measures = st.lists(
    st.tuples(*[st.one_of(st.floats(1e-6, 1e6), st.just(math.inf))] * 3), min_size=1, max_size=12
)


@given(measures)
def test_laws(rows: list[tuple[float, float, float]]) -> None:
    table = np.array(rows)
    shown = profile({name: table[:, i] for i, name in enumerate("abc")})
    tau = np.logspace(0, 13, 200)
    for i, name in enumerate("abc"):
        rho = shown.rho(name, tau)
        assert ((rho >= 0) & (rho <= 1)).all()
        assert (np.diff(rho) >= 0).all()
        # In the end, a solver has all that it solved.
        assert rho[-1] == pytest.approx(np.isfinite(table[:, i]).mean())
        # The area is the integral of what is drawn.
        drawn = np.mean(shown.rho(name, np.logspace(0, 4, 4001)))
        assert shown.area(name, 4.0) == pytest.approx(drawn, abs=2e-3)
    solved_by_some = np.isfinite(table.min(axis=1)).mean()
    assert sum(shown.rho(name, np.ones(1))[0] for name in "abc") >= solved_by_some - 1e-12


def test_by_hand() -> None:
    shown = profile({"a": np.array([1.0, 2.0, math.inf]), "b": np.array([10.0, 1.0, math.inf])})
    assert shown.ratios["a"].tolist() == [1, 2, math.inf]
    assert shown.rho("a", np.array([1.0, 2.0])).tolist() == pytest.approx([1 / 3, 2 / 3])
    assert shown.area("b", 1.0) == pytest.approx((0 + 1 + 0) / 3)


@given(measures, st.floats(0.1, 10))
def test_does_not_depend_on_the_scale_of_a_problem(
    rows: list[tuple[float, float, float]], scale: float
) -> None:
    # So the worst solver's distance, by which the paper divides, changes nothing.
    table = np.array(rows)
    plain = profile({"a": table[:, 0], "b": table[:, 1]})
    scaled = profile({"a": scale * table[:, 0], "b": scale * table[:, 1]})
    np.testing.assert_allclose(plain.ratios["a"], scaled.ratios["a"], rtol=1e-12)
