"""``lsr1 predict`` for several calibrated views: an npz, and a folder a view."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from camera_ring import camera_ring
from shown_page import page_data

from lsr1_pl.body import load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.cli import main
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.hmr.fitting3d import Rig

FRAMES, VIEWS = 4, 3
K = [[1000.0, 0.0, 960.0], [0.0, 1000.0, 540.0], [0.0, 0.0, 1.0]]


@pytest.fixture(scope="module")
def rig() -> Rig:
    return camera_ring(VIEWS)


@pytest.fixture(scope="module")
def people() -> torch.Tensor:
    """(T, 18, 3) somebody who walks, in space."""
    store = MotionStore(open_motion_path())
    (recording,) = (r for r in store.recordings if r.name == "walk")
    rows = np.arange(recording.first_row, recording.first_row + FRAMES)
    pose = torch.from_numpy(np.array(store.poses(rows))).float()
    with torch.no_grad():
        return load_body_model().select(COCO18)(pose, torch.zeros(FRAMES, 10)).double()


def errors(out: Path, people: torch.Tensor) -> np.ndarray:
    """Metres between the fitted keypoints and where they are."""
    with np.load(out / "predictions.npz", allow_pickle=False) as fits:
        assert (fits["status"] == 0).all()
        assert fits["projected"].shape == (FRAMES, VIEWS, 18, 2)
        off = np.abs(fits["projected"] - fits["keypoints"])
        assert np.nanmedian(off) < 4
        distance: np.ndarray = np.linalg.norm(fits["joints"] - people.numpy(), axis=2)
    return distance


@pytest.mark.parametrize("unit", [1.0, 1000.0], ids=["metres", "millimetres"])
def test_an_npz_with_its_cameras(
    unit: float, rig: Rig, people: torch.Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "views.npz"
    np.savez(
        path,
        keypoints=np.concatenate(
            [rig.project(people).numpy(), np.ones((FRAMES, VIEWS, 18, 1))], axis=3
        ),
        K=np.array([K] * VIEWS),
        R=rig.rotation.numpy(),
        t=unit * rig.translation.numpy(),
    )
    out = tmp_path / "fits"
    assert main(["predict", str(path), "--joints", "coco18", "--out", str(out)]) == 0
    assert ("millimetres" in capsys.readouterr().out) == (unit == 1000)
    assert np.median(errors(out, people)) < 0.01
    titles = [picture["title"] for picture in page_data(out)["pictures"]]
    assert titles == ["space from the front", "camera 0", "camera 1", "camera 2"]


def test_a_folder_a_view(rig: Rig, people: torch.Tensor, tmp_path: Path) -> None:
    cameras = {}
    pixels = rig.project(people)
    for view in range(VIEWS):
        folder = tmp_path / "views" / f"cam{view}_json"
        folder.mkdir(parents=True)
        # The last camera misses the first frame.
        for frame in range(int(view == 2), FRAMES):
            triples = torch.cat([pixels[frame, view], torch.ones(18, 1)], dim=1)
            person = {"pose_keypoints_2d": triples.flatten().tolist()}
            (folder / f"f_{frame:03d}_keypoints.json").write_text(json.dumps({"people": [person]}))
        rotation, translation = rig.rotation[view].tolist(), rig.translation[view].tolist()
        cameras[f"cam{view}"] = {"K": K, "R": rotation, "t": translation}
    (tmp_path / "cameras.json").write_text(json.dumps(cameras))
    out = tmp_path / "fits"
    arguments = ["predict", str(tmp_path / "views"), "--cameras", str(tmp_path / "cameras.json")]
    assert main([*arguments, "--out", str(out)]) == 0
    assert np.median(errors(out, people)) < 0.01
    with np.load(out / "predictions.npz", allow_pickle=False) as fits:
        assert not fits["used"][0, 2].any()
        assert fits["moment"].tolist() == [0, 1, 2, 3]


def test_cameras_that_do_not_agree(
    rig: Rig, people: torch.Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "views.npz"
    np.savez(
        path,
        keypoints=rig.project(people).numpy(),
        K=np.array([K] * VIEWS),
        # From the camera to space: the wrong way round.
        R=rig.rotation.mT.numpy(),
        t=rig.centres.numpy(),
    )
    assert main(["predict", str(path), "--joints", "coco18", "--out", str(tmp_path / "fits")]) == 2
    assert "the views agree on" in capsys.readouterr().err


def test_a_folder_without_the_cameras_view(
    rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "views" / "left").mkdir(parents=True)
    np.savez(
        tmp_path / "c.npz",
        K=np.array([K] * VIEWS),
        R=rig.rotation.numpy(),
        t=rig.translation.numpy(),
    )
    arguments = ["predict", str(tmp_path / "views"), "--cameras", str(tmp_path / "c.npz")]
    assert main(arguments) == 2
    assert "has no folder of the camera '0'" in capsys.readouterr().err


def test_cameras_that_make_mirror_images_are_named(
    rig: Rig, people: torch.Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels, mirror = rig.project(people).numpy(), np.diag([-1.0, 1.0, 1.0])
    pixels[..., 0] = 2 * K[0][2] - pixels[..., 0]
    np.savez(tmp_path / "views.npz", keypoints=pixels)
    rotation, translation = mirror @ rig.rotation.numpy() @ mirror, rig.translation.numpy() @ mirror
    np.savez(tmp_path / "wrong.npz", K=np.array([K] * VIEWS), R=rotation, t=translation)
    words = ["predict", str(tmp_path / "views.npz"), "--cameras", str(tmp_path / "wrong.npz")]
    assert main([*words, "--joints", "coco18", "--out", str(tmp_path / "fits")]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "mirror image" in said
    assert "wrong.npz do not belong to the views" in said


def test_a_camera_that_disagrees_is_named(
    people: torch.Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = camera_ring(4)
    pixels = rig.project(people).numpy()
    pixels[1:, 2] = np.random.default_rng(0).uniform(300, 900, (FRAMES - 1, 18, 2))
    np.savez(
        tmp_path / "views.npz",
        keypoints=pixels,
        K=np.array([K] * 4),
        R=rig.rotation.numpy(),
        t=rig.translation.numpy(),
        camera_names=["a", "b", "c", "d"],
    )
    words = ["predict", str(tmp_path / "views.npz"), "--joints", "coco18", "--steps", "5"]
    assert main([*words, "--out", str(tmp_path / "fits")]) == 0
    page = (tmp_path / "fits" / "index.html").read_text(encoding="utf-8")
    for said in (capsys.readouterr().out, page):
        assert re.search(r"do not count: c for 3 \(\d\.\d\d m off\) of 4 people\.", said)
        assert "no more cameras agree" not in said
    with np.load(tmp_path / "fits" / "predictions.npz", allow_pickle=False) as fits:
        assert (fits["status"] == 0).all()


@pytest.mark.parametrize("away", [0.6, 0.0])
def test_exchanged_cameras_are_told(
    away: float, people: torch.Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig, exchanged = camera_ring(4), [1, 0, 3, 2]
    np.savez(
        tmp_path / "views.npz",
        keypoints=rig.project(people + away * torch.tensor([1.0, 0.0, 0.6])).numpy(),
        K=np.array([K] * 4),
        R=rig.rotation.numpy()[exchanged],
        t=rig.translation.numpy(),
    )
    words = ["predict", str(tmp_path / "views.npz"), "--joints", "coco18", "--steps", "5"]
    code = main([*words, "--out", str(tmp_path / "fits")])
    if away == 0:
        # In the middle of a ring they nearly make a mirror image on which all agree.
        assert code == 2
        assert "mirror image of a person. Perhaps the cameras of" in capsys.readouterr().err
        return
    assert code == 0
    said = capsys.readouterr().out
    assert "Of 4 of 4 people no more cameras agree than disagree" in said
    assert "views.npz do not belong to the views" in said
    assert "4 of 4 have a poor fit (status 3)" in said
    with np.load(tmp_path / "fits" / "predictions.npz", allow_pickle=False) as fits:
        assert (fits["status"] == 3).all()
