"""``lsr1 predict`` on what detectors leave: who is who, when it was, and what the lens bent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pygltflib
import pytest
import torch
from detected_people import flat, places, standing

from lsr1_pl.body import load_body_model
from lsr1_pl.body.calibrated import project_calibrated
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.cli import main
from lsr1_pl.data import Camera, MotionStore, open_motion_path
from lsr1_pl.data.detections.joints.coco import COCO17

LENS = Camera((1100.0, 1100.0, 960.0, 540.0), (-0.3, 0.1, 0.0, 0.0, 0.0))


def predict(source: Path, out: Path, *words: str) -> dict[str, np.ndarray]:
    assert main(["predict", str(source), "--out", str(out), "--steps", "2", *words]) == 0
    with np.load(out / "predictions.npz", allow_pickle=False) as fits:
        return {key: fits[key] for key in fits.files}


def times(path: Path) -> list[float]:
    file = pygltflib.GLTF2().load(path)
    assert file is not None
    accessor = file.accessors[file.animations[0].samplers[0].input]
    view = file.bufferViews[accessor.bufferView]
    data = file.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    return np.frombuffer(data, np.float32).tolist()


@pytest.mark.parametrize("ids", ["none", "the detector's", "the detector's, exchanged"])
def test_people_whom_the_detector_shuffles_are_never_blended(ids: str, tmp_path: Path) -> None:
    source = tmp_path / "frames"
    source.mkdir()
    for frame in range(6):
        people = [{"pose_keypoints_2d": flat(standing(500.0 * who + 2 * frame))} for who in (0, 1)]
        if ids != "none":
            for who, person in enumerate(people):
                person["person_id"] = [who + 4]
        text = json.dumps({"people": people[:: -1 if frame % 2 else 1]})
        (source / f"f_{frame}_keypoints.json").write_text(text)
    words = ["--track"] if "exchanged" in ids else []
    fits = predict(source, tmp_path / "out", "--smooth", "0.1", *words)
    first = 4 if ids == "the detector's" else 0
    assert set(fits["person"].tolist()) == {first, first + 1}
    for who in (first, first + 1):
        mine = fits["person"] == who
        assert mine.sum() == 6
        assert np.ptp(fits["keypoints"][mine, 0, 0]) == 10
        # A blend of two people 500 pixels apart would stand between them.
        middle = fits["projected"][mine].mean(axis=(1, 2))
        assert np.abs(middle - fits["keypoints"][mine].mean(axis=(1, 2))).max() < 30
    assert (tmp_path / "out" / f"person_0{first + 1}.glb").is_file()


def test_a_gap_in_time_is_a_gap_in_the_animation(tmp_path: Path) -> None:
    source = tmp_path / "frames"
    source.mkdir()
    for frame in (5, 6, 35):
        people = [{"pose_keypoints_2d": flat(standing(float(frame)))}]
        (source / f"f_{frame}_keypoints.json").write_text(json.dumps({"people": people}))
    fits = predict(source, tmp_path / "out", "--smooth", "0.04")
    assert fits["moment"].tolist() == [5, 6, 35]
    np.testing.assert_allclose(times(tmp_path / "out" / "person_00.glb"), [0, 1 / 30, 1], atol=1e-6)


def test_unrelated_images_are_no_animation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "coco.json"
    entries = [
        {"image_id": image, "keypoints": flat(places(COCO17, 3.0 * image))}
        for image in (139, 285, 632)
    ]
    source.write_text(json.dumps(entries))
    fits = predict(source, tmp_path / "out")
    assert fits["person"].tolist() == [0, 1, 2]
    still = pygltflib.GLTF2().load(tmp_path / "out" / "person_01.glb")
    assert still is not None
    assert not still.animations
    for words in (["--smooth", "0.1"], ["--track"]):
        assert main(["predict", str(source), "--out", str(tmp_path / "no"), *words]) == 2
        assert "say --sequence yes" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    fits = predict(source, tmp_path / "out", "--sequence", "yes", "--smooth", "0.1")
    assert fits["person"].tolist() == [0, 0, 0]


def test_distortion_is_undone(tmp_path: Path) -> None:
    store = MotionStore(open_motion_path())
    pose = torch.from_numpy(np.array(store.poses(np.arange(3)))).float()
    joints = load_body_model().select(COCO18)(pose, torch.zeros(3, 10))
    intrinsics = torch.tensor(LENS.intrinsics).expand(3, 4)
    aside = torch.tensor([1.6, 0.6, 3.0]).expand(3, 3)
    straight = project_calibrated(joints, aside, intrinsics).double().numpy()
    bent = LENS.distorted(straight)
    assert np.abs(bent - straight).max() > 30
    np.savez(tmp_path / "bent.npz", keypoints=bent)
    np.savez(tmp_path / "straight.npz", keypoints=straight)
    matrix = [[1100, 0, 960], [0, 1100, 540], [0, 0, 1]]
    for name, dist in (("lens", list(LENS.distortion)), ("none", [0])):
        (tmp_path / f"{name}.json").write_text(json.dumps({"K": matrix, "dist": dist}))
    fits = {
        name: predict(
            tmp_path / f"{name}.npz", tmp_path / name, "--intrinsics", str(tmp_path / camera)
        )
        for name, camera in (("bent", "lens.json"), ("straight", "none.json"))
    }
    for key in ("keypoints", "projected"):
        np.testing.assert_allclose(fits["bent"][key], fits["straight"][key], atol=0.1)
    page = (tmp_path / "bent" / "index.html").read_text(encoding="utf-8")
    assert "distortion is undone" in page


def test_what_was_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "frames"
    source.mkdir()
    people = [{"pose_keypoints_2d": flat(standing())}]
    (source / "f_0_keypoints.json").write_text(json.dumps({"people": people}))
    (source / "f_1_keypoints.json").write_text("{")
    predict(source, tmp_path / "out")
    assert "Note: 1 file is left out: f_1_keypoints.json (cannot be read as JSON" in (
        capsys.readouterr().out
    )
    assert "1 file is left out" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_keypoints_in_shares_of_the_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "a.npz", keypoints=(standing() / [640, 480])[None])
    words = ["predict", str(tmp_path / "a.npz"), "--out", str(tmp_path / "out"), "--steps", "1"]
    assert main(words) == 2
    assert "--image_size WIDTH HEIGHT" in capsys.readouterr().err
    assert main([*words, "--image_size", "640", "0"]) == 2
    fits = predict(tmp_path / "a.npz", tmp_path / "out", "--image_size", "640", "480")
    np.testing.assert_allclose(fits["keypoints"][0], standing())


@pytest.mark.parametrize("names", ["file", "option"])
def test_the_h36m_order_makes_the_body_that_the_18_make(names: str, tmp_path: Path) -> None:
    h36m = (
        *("root", "right_hip", "right_knee", "right_foot", "left_hip", "left_knee", "left_foot"),
        *("spine", "thorax", "neck_base", "head", "left_shoulder", "left_elbow", "left_wrist"),
        *("right_shoulder", "right_elbow", "right_wrist"),
    )
    arrays = {"keypoints": places(h36m)[None]}
    if names == "file":
        arrays["names"] = np.array(h36m)
    np.savez(tmp_path / "h36m.npz", **arrays)
    words = ["--joints", "h36m17"] if names == "option" else []
    fits = predict(tmp_path / "h36m.npz", tmp_path / "h36m", *words)
    confidence = np.array([[0.0 if name in ("nose", *COCO18[14:]) else 1.0 for name in COCO18]])
    np.savez(tmp_path / "18.npz", keypoints=standing()[None], confidence=confidence)
    same = predict(tmp_path / "18.npz", tmp_path / "18")
    np.testing.assert_array_equal(fits["seen"], same["seen"])
    np.testing.assert_allclose(fits["projected"], same["projected"], atol=3)
    assert fits["status"].tolist() == [0]


def test_whoever_is_one_point_is_not_fitted(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", keypoints=np.full((1, 18, 2), 70.0))
    assert predict(tmp_path / "a.npz", tmp_path / "out")["status"].tolist() == [2]
