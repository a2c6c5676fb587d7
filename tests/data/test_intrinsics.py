"""A known camera from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr1_pl.data.detections.intrinsics import read_intrinsics
from lsr1_pl.ground.errors import UserError

K = [[1000.0, 0, 640], [0, 1010.0, 360], [0, 0, 1]]


@pytest.mark.parametrize("content", [{"fx": 1000, "fy": 1010, "cx": 640, "cy": 360.0}, {"K": K}])
def test_json_and_npz_say_the_same(content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "camera.json").write_text(json.dumps(content))
    np.savez(tmp_path / "camera.npz", **content)
    for name in ("camera.json", "camera.npz"):
        assert read_intrinsics(tmp_path / name) == (1000.0, 1010.0, 640.0, 360.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"fx": 1000, "fy": 1010, "cx": 640}, "key 'cy' is missing"),
        ({"fx": -1, "fy": 1010, "cx": 640, "cy": 1}, "above 0"),
        ({"fx": "wide", "fy": 1010, "cx": 640, "cy": 1}, "expected keys fx"),
        ({"fx": 10**400, "fy": 1010, "cx": 640, "cy": 1}, "expected keys fx"),
        ({"fx": float("nan"), "fy": 1010, "cx": 640, "cy": 1}, "finite"),
        ({"K": [[1, 2], [3, 4]]}, "no (3, 3)"),
        ({"K": [[1000, 2, 640], [0, 1000, 360], [0, 0, 1]]}, "without skew"),
        ({"K": [[0, 0, 640], [0, 1000, 360], [0, 0, 1]]}, "key 'K' is fx 0.0"),
        ([1, 2], "is a list"),
    ],
)
def test_a_wrong_camera_is_named(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError) as refused:
        read_intrinsics(path)
    assert message in str(refused.value)
    assert "camera.json" in str(refused.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_intrinsics(tmp_path / "none.json")
    for name in ("cut.json", "cut.npz"):
        (tmp_path / name).write_bytes(b"{")
        with pytest.raises(UserError, match="cannot be read"):
            read_intrinsics(tmp_path / name)
