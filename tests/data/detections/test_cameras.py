"""A known camera from a file, and the distortion of its lens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr1_pl.data import Camera, read_camera
from lsr1_pl.ground.errors import UserError

K = [[1000.0, 0, 640], [0, 1010.0, 360], [0, 0, 1]]
FLAT = [1000.0, 0, 640, 0, 1010.0, 360, 0, 0, 1]
FOUR = (1000.0, 1010.0, 640.0, 360.0)
LENS = (-0.3, 0.1, 0.001, -0.002, 0.02)


@pytest.mark.parametrize(
    "content",
    [
        {"fx": 1000, "fy": 1010, "cx": 640, "cy": 360.0},
        {"K": K},
        {"K": FLAT},
        {"camera_matrix": K},
        {"cameraMatrix": K, "distCoeffs": [0, 0, 0, 0, 0]},
        {"mtx": K, "dist": [[0.0, 0, 0, 0, 0]]},
        {"intrinsics": [1000.0, 1010, 640, 360]},
    ],
)
def test_json_and_npz_say_the_same(content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "camera.json").write_text(json.dumps(content))
    np.savez(tmp_path / "camera.npz", **content)
    for name in ("camera.json", "camera.npz"):
        assert read_camera(tmp_path / name) == Camera(FOUR)


def test_bare_matrices(tmp_path: Path) -> None:
    np.save(tmp_path / "K.npy", np.array(K))
    np.savetxt(tmp_path / "K.txt", np.array(K))
    (tmp_path / "K.json").write_text(json.dumps(FLAT))
    for name in ("K.npy", "K.txt", "K.json"):
        assert read_camera(tmp_path / name).intrinsics == FOUR


MATRIX = "{rows: 3, cols: 3, data: [1000., 0., 640., 0., 1010., 360., 0., 0., 1.]}"
DATA = "data: [ -0.3, 0.1, 0.001, -0.002, 0.02 ]"
OPENCV = f"""%YAML:1.0
---
image_width: 1280
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 1000., 0., 640., 0., 1010.,
       360., 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   {DATA}
"""
ROS = f"""camera_name: front
distortion_model: plumb_bob
camera_matrix: {MATRIX}
distortion_coefficients: {{rows: 1, cols: 5, {DATA}}}
"""
KALIBR = """cam0:
  camera_model: pinhole
  distortion_coeffs: [-0.3, 0.1, 0.001, -0.002, 0.02]
  distortion_model: radtan
  intrinsics: [1000.0, 1010.0, 640.0, 360.0]
"""


@pytest.mark.parametrize("text", [OPENCV, ROS, KALIBR])
def test_yaml(text: str, tmp_path: Path) -> None:
    (tmp_path / "camera.yml").write_text(text)
    assert read_camera(tmp_path / "camera.yml") == Camera(FOUR, LENS)


def test_of_several_cameras_one_is_named(tmp_path: Path) -> None:
    dist = "{rows: 1, cols: 5, dt: d, data: [-0.3, 0.1, 0.001, -0.002, 0.02]}"
    path = tmp_path / "intri.yml"
    path.write_text(
        f'%YAML:1.0\n---\nnames:\n  - "1"\n  - "02"\nK_1: !!opencv-matrix {MATRIX}\n'
        f"K_02: !!opencv-matrix {MATRIX}\ndist_02: !!opencv-matrix {dist}\n"
    )
    with pytest.raises(UserError, match="holds the cameras 1, 02; say which"):
        read_camera(path)
    assert read_camera(path, "1") == Camera(FOUR)
    assert read_camera(path, "02") == Camera(FOUR, LENS)
    with pytest.raises(UserError, match="no camera '3'; expected one of 1, 02"):
        read_camera(path, "3")


@pytest.mark.parametrize(
    ("line", "camera"),
    [
        ("1 SIMPLE_PINHOLE 1280 720 1000 640 360", Camera((1000.0, 1000.0, 640.0, 360.0))),
        ("1 PINHOLE 1280 720 1000 1010 640 360", Camera(FOUR)),
        (
            "1 SIMPLE_RADIAL 1280 720 1000 640 360 -0.1",
            Camera((1000.0, 1000.0, 640.0, 360.0), (-0.1, 0, 0, 0, 0, 0, 0, 0)),
        ),
        (
            "1 RADIAL 1280 720 1000 640 360 -0.1 0.2",
            Camera((1000.0, 1000.0, 640.0, 360.0), (-0.1, 0.2, 0, 0, 0, 0, 0, 0)),
        ),
        (
            "1 OPENCV 1280 720 1000 1010 640 360 -0.3 0.1 0.001 -0.002",
            Camera(FOUR, (*LENS[:4], 0, 0, 0, 0)),
        ),
        (
            "1 FULL_OPENCV 1280 720 1000 1010 640 360 -0.3 0.1 0.001 -0.002 0.02 0 0 0",
            Camera(FOUR, (*LENS, 0, 0, 0)),
        ),
    ],
)
def test_colmap(line: str, camera: Camera, tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text(f"# Camera list\n{line}\n")
    assert read_camera(tmp_path / "cameras.txt") == camera


def test_a_fisheye_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cameras.txt"
    path.write_text("1 OPENCV_FISHEYE 1280 720 1000 1010 640 360 0 0 0 0\n")
    with pytest.raises(UserError, match="is of model 'OPENCV_FISHEYE'; expected one of"):
        read_camera(path)
    path = tmp_path / "camera.yaml"
    path.write_text(ROS.replace("plumb_bob", "equidistant"))
    with pytest.raises(UserError, match=r"'equidistant'.*undistort the keypoints first"):
        read_camera(path)
    path = tmp_path / "camera.json"
    path.write_text(json.dumps({"K": K, "dist": [0.1] * 14}))
    with pytest.raises(UserError, match=r"has 14 numbers.*undistort"):
        read_camera(path)


@pytest.mark.parametrize(
    "lens", [LENS, (-0.1,), (0.1, -0.2, 0.001, 0.002, 0.05, 0.01, 0.02, 0.003), (0.4, 0.3)]
)
def test_undistorting_undoes_what_opencv_does(lens: tuple[float, ...]) -> None:
    camera = Camera(FOUR, lens)
    grid = np.stack(np.meshgrid(np.linspace(100, 1180, 9), np.linspace(50, 670, 7)), axis=-1)
    seen = camera.distorted(grid)
    assert np.abs(seen - grid).max() > 1
    np.testing.assert_allclose(camera.undistorted(seen), grid, atol=1e-6)


def test_distortion_is_opencvs_formula() -> None:
    k1, k2, p1, p2, k3 = LENS
    x, y = 0.3, -0.2
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    v = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    point = np.array([1000 * x + 640, 1010 * y + 360])
    expected = [1000 * u + 640, 1010 * v + 360]
    np.testing.assert_allclose(Camera(FOUR, LENS).distorted(point), expected)


def test_what_the_lens_cannot_show_is_nan() -> None:
    camera = Camera(FOUR, (-0.5,))
    points = camera.undistorted(np.array([[640.0, 360.0], [4000.0, 360.0], [np.nan, 1.0]]))
    np.testing.assert_allclose(points[0], [640, 360])
    assert np.isnan(points[1:]).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"fx": 1000, "fy": 1010, "cx": 640}, "key 'cy' is missing"),
        ({"fx": -1, "fy": 1010, "cx": 640, "cy": 1}, "above 0"),
        ({"fx": "wide", "fy": 1010, "cx": 640, "cy": 1}, "expected fx, fy, cx, cy"),
        ({"fx": 10**400, "fy": 1010, "cx": 640, "cy": 1}, "expected fx, fy, cx, cy"),
        ({"fx": float("nan"), "fy": 1010, "cx": 640, "cy": 1}, "finite"),
        ({"K": [[1, 2], [3]]}, "no list of numbers"),
        ({"K": [[1, 2, 3], [3, 4, 5]]}, "no (3, 3)"),
        ({"K": [[1000, 2, 640], [0, 1000, 360], [0, 0, 1]]}, "without skew"),
        ({"K": [[0, 0, 640], [0, 1000, 360], [0, 0, 1]]}, "is fx 0.0"),
        ({"K": K, "dist": ["a"]}, "the distortion is no list of numbers"),
        ({"K": K, "dist": [float("inf")]}, "finite"),
        ({"K": {"rows": 3}}, "no (3, 3)"),
        ([1, 2], "no (3, 3)"),
        ("wide", "is a str"),
    ],
)
def test_a_wrong_camera_is_named(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError) as refused:
        read_camera(path)
    assert message in str(refused.value)
    assert "camera.json" in str(refused.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_camera(tmp_path / "none.json")
    for name in ("cut.json", "cut.npz", "cut.npy", "cut.yml"):
        (tmp_path / name).write_bytes(b"{")
        with pytest.raises(UserError, match="cannot be read"):
            read_camera(tmp_path / name)
    (tmp_path / "empty.txt").write_text("# nothing\n")
    with pytest.raises(UserError, match="holds no camera"):
        read_camera(tmp_path / "empty.txt")
