"""lsr1 bench real: the shipped views, and a user's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lsr1_pl.bench.hmr.real import read_views
from lsr1_pl.cli import main
from lsr1_pl.ground.errors import UserError


def test_the_shipped_views_are_fitted_as_said(tmp_path: Path) -> None:
    out = tmp_path / "real"
    assert not main(["bench", "real", "--fast", "--out", str(out)])
    results = json.loads((out / "summary.json").read_text(encoding="utf-8"))["results"]
    careful = results["fitted with care, as lsr1 predict"]
    assert careful["median"] < results["fitted once, SMPL's joints"]["median"]
    assert careful["median"] < 56
    assert results["the detector's own 3D"]["median"] == pytest.approx(56, abs=3)
    assert len((out / "results.csv").read_text(encoding="utf-8").splitlines()) == 6 * 43 + 1


def _arrays(count: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "keypoints": generator.uniform(0, 500, (count, 18, 2)),
        "confidence": np.ones((count, 18)),
        "truth": generator.normal(size=(count, 18, 3)),
    }


def test_own_views_are_read_and_those_without_truth_left_out(tmp_path: Path) -> None:
    arrays = _arrays(3)
    arrays["truth"][1, 4] = np.nan
    arrays["keypoints"][0, 5] = np.nan
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    views = read_views(path)
    assert len(views.camera) == 2
    assert float(views.confidence[0, 5]) == 0
    assert bool(views.keypoints.isfinite().all())
    assert views.detector is None


def test_bad_views_are_refused_by_key(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    for change, message in (
        ({"truth": np.zeros((3, 17, 3))}, "key 'truth' is"),
        ({"confidence": np.zeros((2, 18))}, "key 'confidence' has 2 rows"),
        ({"truth": np.full((3, 18, 3), np.nan)}, "in no view"),
    ):
        np.savez(path, **(_arrays(3) | change))  # type: ignore[arg-type]
        with pytest.raises(UserError, match=message):
            read_views(path)
    np.savez(path, keypoints=np.zeros((3, 18, 2)))
    with pytest.raises(UserError, match="key 'confidence' is missing"):
        read_views(path)
    path.write_bytes(b"no npz")
    with pytest.raises(UserError, match="cannot be read as an npz"):
        read_views(path)
