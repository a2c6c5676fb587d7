"""``lsr1 predict`` for joints in space: what it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from shown_page import page_array, page_data

from lsr1_pl.body import load_body_model
from lsr1_pl.cli import main
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.data.detections.joints3d.sets import POINT_SETS
from lsr1_pl.hmr.fitting3d import PointSkeleton

FRAMES = 6


@pytest.fixture(scope="module")
def walk() -> np.ndarray:
    """(T, 17, 3) metres of somebody who walks, Human3.6M's joints, z up."""
    store = MotionStore(open_motion_path())
    (recording,) = (r for r in store.recordings if r.name == "walk")
    rows = np.arange(recording.first_row, recording.first_row + FRAMES)
    pose = torch.from_numpy(np.array(store.poses(rows))).float()
    skeleton = PointSkeleton(load_body_model(), POINT_SETS["h36m17"].mixtures)
    with torch.no_grad():
        points = skeleton.points_of(pose, torch.zeros(FRAMES, 10)).double().numpy()
    return points[:, :, [0, 2, 1]] * [1, -1, 1] + [2.0, 5.0, 1.0]


def test_bodies_come_out_where_the_joints_are(
    walk: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "walk.npz"
    np.savez(source, joints3d=walk, moment=np.arange(FRAMES) * 2)
    out = tmp_path / "fits"
    arguments = ["predict", str(source), "--joints", "h36m17", "--out", str(out), "--obj"]
    assert main([*arguments, "--vertices"]) == 0
    assert "6 fits of 1 person in 6 frames: " in capsys.readouterr().out
    with np.load(out / "predictions.npz", allow_pickle=False) as fits:
        assert (fits["status"] == 0).all()
        assert np.median(np.linalg.norm(fits["joints"] - walk, axis=2)) < 0.01
        assert fits["moment"].tolist() == [0, 2, 4, 6, 8, 10]
        assert (fits["scale"] == 1).all()
        body = load_body_model()
        pose, betas = torch.from_numpy(fits["pose"]), torch.from_numpy(fits["betas"])
        mesh = body.vertices(pose, betas).numpy()
        assert np.allclose(mesh, fits["vertices"], atol=1e-5)
        skeleton = PointSkeleton(body, POINT_SETS["h36m17"].mixtures)
        with torch.no_grad():
            points = skeleton.points_of(pose, betas).numpy() + fits["translation"][:, None]
        assert np.allclose(points, fits["joints"], atol=1e-4)
        place = fits["translation"][0]
    text = (out / "meshes" / "walk_000000_00.obj").read_text()
    first = np.array([float(x) for x in text.split("\n", 1)[0].split()[1:]])
    assert np.allclose(first, mesh[0, 0] + place, atol=1e-4)
    assert (out / "person_00.glb").is_file()
    data = page_data(out)
    assert len(data["frames"]["names"]) == FRAMES
    (front,) = data["pictures"]
    grid = page_array(front["grid"], "<f4").reshape(FRAMES, 1, 3)
    dots, bones = (
        grid[..., :2] + grid[..., 2:] * page_array(front[key], "<i2").reshape(FRAMES, -1, 2)
        for key in ("keypoints", "projected")
    )
    # Hips and knees of both sets: where the joints are, the bones are, in millimetres.
    np.testing.assert_allclose(dots[:, [1, 2, 4, 5]], bones[:, [8, 9, 11, 12]], atol=25)
    given = page_array(data["rows"]["given"], "<i2").reshape(FRAMES, 17, 3)
    joints = page_array(data["rows"]["joints"], "<i2").reshape(FRAMES, 18, 3)
    np.testing.assert_allclose(given[:, [1, 2, 4, 5]], joints[:, [8, 9, 11, 12]], atol=25)
    # They stand, and face the viewer.
    assert (joints[:, 10, 1] < -600).all()
    assert (joints[:, 0, 2] > 0).all()


def test_millimetres_are_said(
    walk: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "walk.npy", 1000 * walk)
    arguments = ["predict", str(tmp_path / "walk.npy"), "--joints", "h36m17", "--dimensions", "3"]
    assert main([*arguments, "--out", str(tmp_path / "fits"), "--steps", "10"]) == 0
    assert "Note: Lengths are read as millimetres" in capsys.readouterr().out
    with np.load(tmp_path / "fits" / "predictions.npz", allow_pickle=False) as fits:
        assert np.median(np.linalg.norm(fits["joints"] - walk, axis=2)) < 0.03


def test_inches_are_doubted_and_children_are_not(
    walk: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for factor, doubted in ((39.37, True), (0.52, False)):
        np.savez(tmp_path / "walk.npz", joints3d=factor * walk[:2])
        words = ["predict", str(tmp_path / "walk.npz"), "--joints", "h36m17", "--steps", "2"]
        assert main([*words, "--out", str(tmp_path / "fits")]) == 0
        said = capsys.readouterr().out
        assert ("Note: In centimetres limbs are 0." in said) == doubted
        page = (tmp_path / "fits" / "index.html").read_text(encoding="utf-8")
        assert ("If these are not centimetres" in page) == doubted


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda x: x * [-1, 1, 1], [], "mirror image"),
        (lambda x: x * 20, [], "times as long"),
        (lambda x: x, ["--once"], "--once has no meaning for joints in space"),
        (lambda x: x, ["--dimensions", "2"], "key 'keypoints' is missing"),
        (lambda x: x, ["--cameras", "c.toml"], "they need no --cameras"),
    ],
)
def test_what_is_refused(
    change: object,
    options: list[str],
    words: str,
    walk: np.ndarray,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert callable(change)
    source = tmp_path / "walk.npz"
    np.savez(source, joints3d=change(walk))
    arguments = ["predict", str(source), "--joints", "h36m17", "--out", str(tmp_path / "fits")]
    assert main([*arguments, *options]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "fits").exists()


@pytest.mark.parametrize(
    ("key", "place", "words"),
    [
        ("keypoints", (0.5, 0.5, 0.5), ["--image_size", "--dimensions 3"]),
        ("joints", (2.0, 5.0, 1.0), ["Key 'joints' is there", "(6, 17, 3)", "--dimensions 3"]),
    ],
)
def test_joints_in_space_that_nothing_declares(
    key: str,
    place: tuple[float, ...],
    words: list[str],
    walk: np.ndarray,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # About the size of a share of an image: nothing is below 0, and nothing beyond 2.
    least, most = walk.min(axis=(0, 1)), walk.max(axis=(0, 1))
    np.savez(tmp_path / "walk.npz", **{key: (walk - least) / (most - least).max() * place})
    arguments = ["predict", str(tmp_path / "walk.npz"), "--joints", "h36m17"]
    assert main([*arguments, "--out", str(tmp_path / "fits")]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert all(word in said for word in words), said


def test_scale_is_of_joints_in_space(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "k.npz", keypoints=np.ones((1, 17, 3)))
    assert main(["predict", str(tmp_path / "k.npz"), "--scale", "free"]) == 2
    assert "--scale is of joints in space" in capsys.readouterr().err


def test_motion_in_space_stands_on_a_ground_and_keeps_distances(
    walk: np.ndarray, tmp_path: Path
) -> None:
    np.savez(tmp_path / "walk.npz", joints3d=walk, moment=np.arange(FRAMES) * 2)
    words = ["predict", str(tmp_path / "walk.npz"), "--joints", "h36m17", "--bvh"]
    assert main([*words, "--out", str(tmp_path / "fits")]) == 0
    body = load_body_model()
    with np.load(tmp_path / "fits" / "predictions.npz", allow_pickle=False) as fits:
        pelvis = body.rest_joints(torch.from_numpy(fits["betas"]))[:, 0].numpy()
        place = pelvis + fits["transl"]
        assert np.array_equal(fits["global_orient"], fits["pose"][:, :3])
    with np.load(tmp_path / "fits" / "person_00_poses.npz", allow_pickle=False) as motion:
        assert motion["measured"].tolist() == [True, False] * (FRAMES - 1) + [True]
        poses, betas = (torch.from_numpy(motion[key]).float() for key in ("poses", "betas"))
        shape = betas.expand(len(poses), -1)
        mesh = body.vertices(poses, shape).numpy() + motion["trans"][:, None]
        where = (body.rest_joints(shape)[:, 0].numpy() + motion["trans"])[::2]
    assert mesh[..., 2].min() == pytest.approx(0, abs=1e-3)
    ways = [np.linalg.norm(at[1:] - at[:-1], axis=1) for at in (where, place)]
    assert np.allclose(*ways, atol=1e-4)
    assert (tmp_path / "fits" / "person_00.bvh").is_file()


def test_people_of_too_few_joints_are_no_motion(
    walk: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    joints = np.concatenate([walk, walk[:2]])
    joints[[0, 3]] = np.nan
    joints[[FRAMES, FRAMES + 1], 3:] = np.nan
    moment, person = [*range(FRAMES), 0, 1], [0] * FRAMES + [1, 1]
    np.savez(tmp_path / "walk.npz", joints3d=joints, moment=moment, person=person)
    words = ["predict", str(tmp_path / "walk.npz"), "--joints", "h36m17", "--bvh", "--steps", "5"]
    out = tmp_path / "fits"
    assert main([*words, "--out", str(out)]) == 0
    with np.load(out / "predictions.npz", allow_pickle=False) as fits:
        assert fits["status"].tolist() == [2, 0, 0, 2, 0, 0, 2, 2]
    with np.load(out / "person_00_poses.npz", allow_pickle=False) as motion:
        assert motion["moment"].tolist() == [1, 2, 3, 4, 5]
        assert motion["measured"].tolist() == [True, True, False, True, True]
        steps = np.linalg.norm(np.diff(motion["trans"], axis=0), axis=1)
    assert steps.max() < 0.2
    assert not list(out.glob("person_01*"))
    said = capsys.readouterr().out
    assert "Person 1 has too few joints in every frame" in said
    assert "4 of 8 have too few joints to be fitted (status 2)" in said
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "4 with status 0 (fitted), 4 with status 2 (too few joints)" in page
