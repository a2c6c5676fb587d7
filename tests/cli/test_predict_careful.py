"""lsr1 predict: what a careful fit tells of itself, in files, on the page and in the terminal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from shown_page import page_array, page_data

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.cli import main
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.data.detections.joints.coco import COCO17
from lsr1_pl.hmr.fitting.views import WHOLE, exchanged

SIDES, PARTS = ("left", "right"), ("shoulder", "hip")


def written(path: Path, keypoints: np.ndarray) -> Path:
    np.savez(path, keypoints=keypoints, confidence=np.full(keypoints.shape[:2], 0.9))
    return path


def walking() -> np.ndarray:
    """(12, 18, 2) pixels of a clip."""
    motion = MotionStore(open_motion_path())
    recording = next(each for each in motion.recordings if each.name == "walk")
    pose = torch.from_numpy(motion.poses(recording.first_row + np.arange(12))).float()
    joints = load_body_model().select(COCO18)(pose, torch.zeros(12, 10))
    pixels: np.ndarray = 4 * PinholeCamera().project(joints).double().numpy() + 500
    return pixels


def test_a_poor_fit_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keypoints = walking()[:3]
    keypoints[1] = np.random.default_rng(0).uniform(300, 700, (18, 2))
    path = written(tmp_path / "mixed.npz", keypoints)
    out = tmp_path / "out"
    assert not main(["predict", str(path), "--out", str(out)])
    with np.load(out / "predictions.npz", allow_pickle=False) as fits:
        assert fits["status"].tolist() == [0, 3, 0]
        assert fits["error"][1] > 0.045 > fits["error"][[0, 2]].max()
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page_array(page_data(out)["rows"]["status"], "u1").tolist() == [0, 3, 0]
    assert "2 with status 0 (fitted), 1 with status 3 (poor)" in page
    said = capsys.readouterr().out
    assert "1 of 3 have a poor fit (status 3)" in said
    assert "fits are poor" not in said


def test_many_poor_fits_ask_for_the_order_of_the_keypoints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # COCO's 17 with a neck behind them, as many as OpenPose's 18.
    of_18 = {"left_eye": "leye", "right_eye": "reye", "left_ear": "lear", "right_ear": "rear"}
    order = [COCO18.index(of_18.get(name, name)) for name in (*COCO17, "neck")]
    path = written(tmp_path / "other.npz", walking()[:4, order])
    out = tmp_path / "out"
    assert not main(["predict", str(path), "--once", "--steps", "2", "--out", str(out)])
    told = "4 of 4 fits are poor, and of sound keypoints under 3 % are. See that the keypoints are"
    assert f"Note: {told}" in capsys.readouterr().out
    assert told in (out / "index.html").read_text(encoding="utf-8")


def test_people_who_lie_and_fit_well_are_noted_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = written(tmp_path / "uv.npz", walking()[:10, :, ::-1]), tmp_path / "out"
    words = ["--steps", "2", "--glb", "none", "--out", str(out)]
    assert not main(["predict", str(path), *words])
    said = capsys.readouterr().out
    assert "Note: 10 of 10 people lie on their side in the image. If they stand and the" in said
    assert "poor" not in said
    with np.load(out / "predictions.npz", allow_pickle=False) as fits:
        assert fits["status"].tolist() == [0] * 10


def test_too_few_keypoints_are_said_and_make_no_motion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keypoints = walking()[:8]
    path, out = tmp_path / "few.npz", tmp_path / "out"
    confidence = np.zeros(keypoints.shape[:2])
    confidence[:, [COCO18.index(f"{side}_{part}") for side in SIDES for part in PARTS]] = 1
    confidence[[0, 1, 3]] = 1
    person, moment = np.repeat([0, 1], 4), np.tile(np.arange(4), 2)
    np.savez(path, keypoints=keypoints, confidence=confidence, person=person, moment=moment)
    words = ["--joints", "coco18", "--sequence", "yes", "--out", str(out)]
    assert not main(["predict", str(path), *words])
    said = capsys.readouterr().out
    with np.load(out / "predictions.npz", allow_pickle=False) as fits:
        status = [fits["status"][fits["person"] == number].tolist() for number in (0, 1)]
        assert status == [[0, 0, 2, 0], [2, 2, 2, 2]]
    assert "5 of 8 have too few keypoints to be fitted (status 2)" in said
    assert "Person 1 has too few keypoints in every frame" in said
    assert "5 with status 2 (too few keypoints)" in (out / "index.html").read_text("utf-8")
    assert not list(out.glob("person_01*"))
    with np.load(out / "person_00_poses.npz", allow_pickle=False) as motion:
        assert motion["measured"].tolist() == [True, True, False, True]


def test_left_and_right_of_too_few_keypoints_are_not_told(tmp_path: Path) -> None:
    keypoints = walking()
    keypoints[4:7] = keypoints[4:7][:, exchanged(WHOLE)]
    confidence = np.ones(keypoints.shape[:2])
    confidence[5] = 0
    confidence[5, [COCO18.index(f"{side}_{part}") for side in SIDES for part in PARTS]] = 1
    np.savez(tmp_path / "a.npz", keypoints=keypoints, confidence=confidence)
    words = ["--track", "--once", "--steps", "2", "--out", str(tmp_path / "out")]
    assert not main(["predict", str(tmp_path / "a.npz"), *words])
    with np.load(tmp_path / "out" / "predictions.npz", allow_pickle=False) as fits:
        assert np.flatnonzero(fits["status"] == 2).tolist() == [5]
        assert np.flatnonzero(fits["exchanged"]).tolist() == [4, 6]


def test_sides_that_jump_are_repaired_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keypoints = walking()
    plain = written(tmp_path / "plain.npz", keypoints)
    keypoints[4:7] = keypoints[4:7][:, exchanged(WHOLE)]
    jumping = written(tmp_path / "jumping.npz", keypoints)
    found = {}
    for path in (plain, jumping):
        out = tmp_path / path.stem
        assert not main(["predict", str(path), "--track", "--once", "--out", str(out)])
        with np.load(out / "predictions.npz", allow_pickle=False) as fits:
            found[path.stem] = dict(fits)
    assert found["jumping"]["exchanged"].tolist() == [4 <= k < 7 for k in range(12)]
    np.testing.assert_allclose(found["jumping"]["pose"], found["plain"]["pose"], atol=1e-4)
    assert "3 of 12 have left and right exchanged" in capsys.readouterr().out
    marked = page_array(page_data(tmp_path / "jumping")["rows"]["exchanged"], "u1")
    assert marked.tolist() == [4 <= k < 7 for k in range(12)]
