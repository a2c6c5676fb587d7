"""3DPW's sequence files in their own format, filled with the open body and real motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from amass_files import clip
from legacy_pickles import Call, Global, write
from threedpw_files import sequence

from lsr1_pl.body import load_body_model
from lsr1_pl.cli import main
from lsr1_pl.data import MotionStore
from lsr1_pl.data.sources.threedpw import convert_3dpw, read_sequence
from lsr1_pl.ground.errors import UserError


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("3DPW") / "sequenceFiles"
    for split in ("train", "validation", "test"):
        (folder / split).mkdir(parents=True)
    write(folder / "train" / "courtyard_00.pkl", sequence(1))
    write(folder / "validation" / "outdoors_00.pkl", sequence(1))
    write(folder / "test" / "downtown_walking_00.pkl", sequence(2))
    (folder / "test" / "cut_00.pkl").write_bytes(b"\x80\x02}q")
    return folder.parent


def test_conversion(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "convert", "3dpw", str(files), str(tmp_path / "3dpw")]) == 0
    printed = capsys.readouterr().out
    assert "cut_00.pkl" in printed
    assert "4 frames with an invalid camera pose and 2 without a detection" in printed
    assert "2 keypoints far outside" in printed
    store = MotionStore(tmp_path / "3dpw" / "test")
    count = len(clip())
    assert [r.name for r in store.recordings] == [f"downtown_walking_00/{i}" for i in (0, 1)]
    assert [r.gender for r in store.recordings] == ["male", "female"]
    assert len(store) == 2 * count
    rows = np.arange(count, 2 * count)
    assert store.seen("valid", rows)[:, 0].tolist() == [k not in (5, 6) for k in range(count)]
    keypoints = store.seen("keypoints", rows).reshape(count, 18, 3)
    assert (keypoints[3, :, 2] == 0).all()
    assert keypoints[4, :, 2].tolist() == [float(k != 7) for k in range(18)]
    np.testing.assert_allclose(store.betas(rows[:1])[0], np.linspace(-2, 2, 10), rtol=1e-6)


def test_pose_joints_and_keypoints_are_of_one_camera(files: Path, tmp_path: Path) -> None:
    """The turned pose makes the turned joints, and these project to the detections as fits do."""
    convert_3dpw(files, tmp_path / "3dpw")
    store = MotionStore(tmp_path / "3dpw" / "test")
    rows = np.arange(len(store))
    body = load_body_model("open")
    with torch.no_grad():
        posed = body.joints(
            torch.from_numpy(store.poses(rows)), torch.from_numpy(store.betas(rows))
        )[:, :24].numpy()
    joints = store.seen("joints", rows).reshape(-1, 24, 3)
    centred = [j - j[:, :1] for j in (posed, joints)]
    np.testing.assert_allclose(*centred, atol=2e-5)
    fx, fy, cx, cy = store.seen("intrinsics", rows).T[..., None]
    assert (joints[:, :, 2] < 0).all()
    x = cx - fx * joints[:, :18, 0] / joints[:, :18, 2]
    y = cy + fy * joints[:, :18, 1] / joints[:, :18, 2]
    keypoints = store.seen("keypoints", rows).reshape(-1, 18, 3)
    seen = keypoints[:, :, 2] > 0
    np.testing.assert_allclose(x[seen], keypoints[:, :, 0][seen], rtol=1e-4)
    np.testing.assert_allclose(y[seen], keypoints[:, :, 1][seen], rtol=1e-4)
    # The walker's neck is above the pelvis: y up in the store, v down in the image.
    assert (joints[:, 12, 1] > joints[:, 0, 1]).all()
    both = seen[:, 12] & seen[:, 0]
    assert (keypoints[both, 12, 1] < keypoints[both, 0, 1]).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cam_poses": np.zeros((3, 4))}, "'cam_poses' is shaped"),
        ({"cam_intrinsics": None}, "'cam_intrinsics' holds no numbers"),
        ({"poses": np.zeros(0)}, "'poses' is ndarray"),
        ({"poses": [np.zeros((5, 72))]}, r"'poses\[0\]' is shaped \(5, 72\)"),
        ({"betas": [np.zeros(3)]}, "holds 3 numbers"),
        ({"betas": []}, "'betas' is list"),
        ({"genders": ["x"]}, "expected m or f"),
        ({"jointPositions": [np.full((len(clip()), 72), np.nan)]}, "not finite"),
        ({"other": Call(Global("os", "getcwd"), ())}, r"os\.getcwd"),
    ],
)
def test_bad_sequences_are_named(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "s_00.pkl", sequence(1, **changes))
    with pytest.raises(UserError, match=words) as raised:
        read_sequence(path)
    assert "s_00.pkl" in str(raised.value)


def test_a_split_that_is_there_is_left(files: Path, tmp_path: Path) -> None:
    assert set(convert_3dpw(files, tmp_path / "3dpw")) == {"train", "validation", "test"}
    assert convert_3dpw(files, tmp_path / "3dpw") == {}


def test_nothing_to_convert(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"virtualhumans\.mpi-inf\.mpg\.de"):
        convert_3dpw(tmp_path, tmp_path / "out")
