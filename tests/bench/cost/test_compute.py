"""lsr1 bench compute: the rows that it writes, and that it sees the memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lsr1_pl.bench.cost import compute

Study = Callable[..., tuple[list[dict[str, str]], dict[str, Any]]]


def test_compute(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "SIZES", (500,))
    monkeypatch.setattr(compute, "_FAST_REPEATS", 1)
    rows, results = study("compute", tmp_path / "out")
    assert len(rows) == 5 * 2
    assert all(float(row["seconds_per_step"]) > 0 for row in rows)
    # L-SR1's networks hold activations of 16,000 x 128 numbers: 7.8 MiB each.
    assert results["inference, N=500, L-SR1"]["peak_bytes"] > 7 * 2**20
