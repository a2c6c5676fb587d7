"""Hostile problems and people end with a status, finite and not above their start."""

from __future__ import annotations

import hostile_people
import hostile_problems
import pytest
import torch
from torch import Tensor


def test_problems() -> None:
    found = hostile_problems.run(1000, seed=3)
    assert found["violations"] == []
    assert found["problems"] == 1000
    # Problems that all converge, or none of which can start, would show nothing.
    assert set(found["statuses"]) == {
        "converged",
        "stalled",
        "stopped",
        hostile_problems.REFUSED,
    }


@pytest.mark.parametrize("optimizer", ["psd-sr1", "quadratics", "l-bfgs", "lsr1_general"])
def test_minus_infinity_is_no_value_to_step_to(optimizer: str) -> None:
    x0 = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))

    def function(x: Tensor, rows: Tensor) -> Tensor:
        return torch.where(x[:, 0] < -1, -torch.inf, x.sum(dim=1))

    problems = hostile_problems.Problems("minus infinity below", function, x0)
    solver = hostile_problems.solver(optimizer, x0)
    counts, broken = hostile_problems.solve(problems, solver, 20)
    assert broken == []
    assert counts[hostile_problems.REFUSED] == 0


def test_people() -> None:
    found = hostile_people.run(288, seed=3)
    assert found["violations"] == {}
    assert found["statuses"]["fitted"] > 50
    assert found["statuses"]["too few keypoints"] > 50
