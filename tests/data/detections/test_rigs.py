"""Cameras in space from files of EasyMocap, Anipose and Pose2Sim, JSON and arrays."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from camera_ring import camera_ring

from lsr1_pl.data.detections.cameras.rig import read_rig
from lsr1_pl.data.detections.several_views import read_views
from lsr1_pl.ground.errors import UserError

RIG = camera_ring(2)
K = [[1000.0, 0.0, 960.0], [0.0, 1000.0, 540.0], [0.0, 0.0, 1.0]]
R = RIG.rotation.numpy()
T = RIG.translation.numpy()


def rodrigues(matrix: np.ndarray) -> list[float]:
    angle = np.arccos((np.trace(matrix) - 1) / 2)
    skew = (matrix - matrix.T) / (2 * np.sin(angle))
    return [float(angle * x) for x in (skew[2, 1], skew[0, 2], skew[1, 0])]


def matrix(name: str, values: np.ndarray) -> str:
    rows, columns = values.shape
    data = ", ".join(repr(float(x)) for x in values.flatten())
    return (
        f"{name}: !!opencv-matrix\n   rows: {rows}\n   cols: {columns}\n   dt: d\n"
        f"   data: [ {data} ]\n"
    )


def easymocap(folder: Path) -> Path:
    head = '%YAML:1.0\n---\nnames:\n   - "01"\n   - "02"\n'
    intri, extri = head, head
    for name, rotation, translation in zip(("01", "02"), R, T, strict=True):
        intri += matrix(f"K_{name}", np.array(K)) + matrix(f"dist_{name}", np.zeros((1, 5)))
        extri += matrix(f"R_{name}", np.array(rodrigues(rotation))[:, None])
        extri += matrix(f"Rot_{name}", rotation) + matrix(f"T_{name}", translation[:, None])
    (folder / "intri.yml").write_text(intri)
    (folder / "extri.yml").write_text(extri)
    return folder


def toml(folder: Path) -> Path:
    text = ""
    for number, (rotation, translation) in enumerate(zip(R, T, strict=True)):
        text += (
            f'[cam_{number}]\nname = "cam{number}"\nsize = [1920.0, 1080.0]\nmatrix = {K}\n'
            f"distortions = [0.0, 0.0, 0.0, 0.0]\nrotation = {rodrigues(rotation)}\n"
            f"translation = {translation.tolist()}\nfisheye = false\n"
        )
    (folder / "calib.toml").write_text(text + "[metadata]\nadjusted = false\nerror = 0.0\n")
    return folder / "calib.toml"


def tables(folder: Path) -> Path:
    cameras = {
        f"c{k}": {"K": K, "R": R[k].tolist(), "t": T[k].tolist(), "dist": [0.0] * 5} for k in (0, 1)
    }
    (folder / "cameras.json").write_text(json.dumps(cameras))
    return folder / "cameras.json"


def stacked(folder: Path) -> Path:
    np.savez(folder / "cameras.npz", K=np.array([K, K]), R=R, t=T, dist=np.zeros((2, 5)))
    return folder / "cameras.npz"


@pytest.mark.parametrize(
    ("write", "names"),
    [
        (easymocap, ["01", "02"]),
        pytest.param(
            toml,
            ["cam0", "cam1"],
            marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="no tomllib"),
        ),
        (tables, ["c0", "c1"]),
        (stacked, ["0", "1"]),
    ],
)
def test_every_form_gives_the_same_cameras(write: object, names: list[str], tmp_path: Path) -> None:
    assert callable(write)
    rig = read_rig(write(tmp_path))
    assert [each.name for each in rig] == names
    for each, rotation, translation in zip(rig, R, T, strict=True):
        assert each.camera.intrinsics == (1000.0, 1000.0, 960.0, 540.0)
        assert np.allclose(each.rotation, rotation, atol=1e-9)
        assert np.allclose(each.translation, translation)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"R": np.ones((3, 3)).tolist()},
            "camera 'c0': the rotation .* expected a rotation matrix",
        ),
        ({"R": (-np.eye(3)).tolist()}, "expected a rotation matrix"),
        ({"t": [1.0, 2.0]}, "the translation .* expected 3 finite"),
        ({"K": None}, "key 'fx' is missing"),
        ({"model": "fisheye"}, "the lens is of model"),
    ],
)
def test_what_is_refused(change: dict[str, object], words: str, tmp_path: Path) -> None:
    path = tables(tmp_path)
    cameras = json.loads(path.read_text())
    cameras["c0"].update(change)
    path.write_text(json.dumps(cameras))
    with pytest.raises(UserError, match=rf"cameras\.json: camera 'c0'.*{words.split('.*')[-1]}"):
        read_rig(path)


def test_one_camera_is_no_rig(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(
        json.dumps({"c0": {"K": K, "R": R[0].tolist(), "t": [0, 0, 1]}})
    )
    with pytest.raises(UserError, match="holds 1 cameras with a place"):
        read_rig(tmp_path / "c.json")
    with pytest.raises(UserError, match=r"has no intri\.yml and no extri\.yml"):
        read_rig(tmp_path)


def test_views_and_cameras_must_be_as_many(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    np.savez(path, keypoints=np.ones((2, 3, 17, 3)))
    with pytest.raises(UserError, match="has 3 views, and there are 2 cameras: 0, 1"):
        read_views(path, stacked(tmp_path))
    with pytest.raises(UserError, match="holds 0 cameras with a place"):
        read_views(path, None)
