"""Bodies to test with: the open one, and a small one that uses every part of the format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lsr1_pl.body.skeleton import LANDMARKS, PARENTS

Arrays = dict[str, NDArray[np.generic]]

VERTICES = 60


@pytest.fixture
def small_body_arrays() -> Arrays:
    """A random body of 60 vertices whose pose blend shapes are large and whose skin is dense."""
    rng = np.random.default_rng(0)
    regressor = rng.random((24, VERTICES))
    return {
        "v_template": rng.normal(size=(VERTICES, 3)) * 0.5,
        "shapedirs": rng.normal(size=(VERTICES, 3, 12)) * 0.05,
        "posedirs": rng.normal(size=(VERTICES, 3, 207)) * 0.02,
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": rng.dirichlet(np.full(24, 0.3), size=VERTICES),
        "kintree_table": np.array([PARENTS, range(24)]),
        "f": rng.integers(0, VERTICES, (80, 3)),
        # Not in our order, on purpose: names and not places identify them.
        "landmark_names": np.array(LANDMARKS[::-1]),
        "landmark_vertex_ids": rng.permutation(VERTICES)[:21],
    }


@pytest.fixture
def write_body(tmp_path: Path) -> Callable[[Arrays], Path]:
    def write(arrays: Arrays) -> Path:
        path = tmp_path / "body.npz"
        np.savez(path, **arrays)  # type: ignore[arg-type]
        return path

    return write
