"""The run that measures weak scaling, at toy size, and its ratios on made-up times."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import weak_scaling
from weak_scaling import Cost


@pytest.mark.slow
def test_one_process_prints_each_way_each_message_and_the_ratios() -> None:
    words = ["--processes", "1", "--turns", "1", "--steps", "1", "--problems", "2"]
    words += ["--width", "4", "--messages", "100000"]
    # A process of its own: torch's process group may wait for itself where it is collected.
    done = subprocess.run(
        [sys.executable, weak_scaling.__file__, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row.get("way") for row in printed] == [*weak_scaling.WAYS, None, None]
    assert all(row["cpu_ms_per_step"] > 0 for row in printed[:3])
    assert printed[3]["message_mb"] == 0.4
    assert printed[4]["together_over_alone"] > 0


def test_ratios_are_of_one_turn() -> None:
    """The machine was ten times slower in the second turn: the ratios do not see it."""
    costs = {
        "alone": [Cost(1, 1), Cost(10, 1)],
        "apart": [Cost(2, 1), Cost(20, 1)],
        "together": [Cost(3, 1), Cost(30, 1)],
    }
    *_, ratios = weak_scaling.rows(2, 5, costs, {})
    assert ratios["apart_over_alone_range"] == [2, 2]
    assert ratios["together_over_apart"] == 1.5
    assert ratios["together_over_alone"] == 3
