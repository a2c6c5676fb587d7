"""What ``lsr1 predict`` gives to other programs: smplx's parameters, AMASS's npz, BVH and GLB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pygltflib
import pytest
import torch
from numpy.typing import NDArray

from lsr1_pl.body import PinholeCamera, load_body_model, load_own_body
from lsr1_pl.body.files import OPEN_BODY
from lsr1_pl.body.skeleton import COCO18, COCO18_INDICES, SMPL_JOINTS
from lsr1_pl.cli import main
from lsr1_pl.data import MotionStore, open_motion_path, read_bvh
from lsr1_pl.data.sources.amass import read_recording

FRAMES = [100, 101, 102, 103, 107, 108, 109, 110]
"""Their numbers: three are missing."""
PEOPLE = 2
FPS = 25.0


def seen(path: Path, people: int = PEOPLE, moments: list[int] = FRAMES) -> Path:
    """An npz of people who walk side by side, by SMPL's own joints."""
    store = MotionStore(open_motion_path())
    (recording,) = (r for r in store.recordings if r.name == "0walk_forward")
    rows = recording.first_row + np.array(moments) - moments[0]
    pose = torch.from_numpy(np.array(store.poses(rows))).float()
    joints = load_body_model().select(COCO18)(pose, torch.zeros(len(rows), 10))
    pixels = PinholeCamera(1100.0, 960.0, 540.0, depth=5.0).project(joints).numpy()
    noise = np.random.default_rng(0).normal(size=(len(rows), people, 18, 2))
    placed = pixels[:, None] + noise + np.array([[[250.0 * k, 0.0]] for k in range(people)])
    marks = np.concatenate([placed, np.full((*placed.shape[:3], 1), 0.9)], axis=3)
    person = np.tile(np.arange(people), len(rows))
    moment = np.repeat(moments, people)
    np.savez(path, keypoints=marks.reshape(-1, 18, 3), person=person, moment=moment)
    return path


def smpl_file(folder: Path) -> Path:
    """A body of the size of a tall woman, as ``lsr1 data convert smpl`` would write it."""
    with np.load(OPEN_BODY, allow_pickle=False) as body:
        arrays = {key: body[key] for key in body.files}
    for key in ("v_template", "shapedirs"):
        arrays[key] = arrays[key] * 1.05
    path = folder / "SMPL_FEMALE.npz"
    np.savez(path, **arrays)
    return path


def predict(source: Path, out: Path, *words: str) -> dict[str, NDArray[np.generic]]:
    how = ["--out", str(out), "--fps", str(FPS), "--steps", "2", "--once", "--bvh", *words]
    assert main(["predict", str(source), *how]) == 0
    return load(out / "predictions.npz")


def load(path: Path) -> dict[str, NDArray[np.generic]]:
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def glb_root(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Times (T,) and places (T, 3) of the root."""
    file = pygltflib.GLTF2().load(path)
    assert file is not None
    blob = file.binary_blob()
    sampler = file.animations[0].samplers[24]
    arrays = []
    for number in (sampler.input, sampler.output):
        view = file.bufferViews[file.accessors[number].bufferView]
        data = blob[view.byteOffset : view.byteOffset + view.byteLength]
        arrays.append(np.frombuffer(data, np.float32))
    return arrays[0], arrays[1].reshape(-1, 3)


@pytest.fixture(scope="module", params=[[], ["--smooth", "0.05"], ["--body"]])
def fitted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run: as it is, smoothed, and of a user's body."""
    folder = tmp_path_factory.mktemp("motion")
    words = list(request.param)
    if words == ["--body"]:
        words.append(str(smpl_file(folder)))
    predict(seen(folder / "walk.npz"), folder / "out", "--vertices", *words)
    return folder


def test_smplx_reproduces_vertices_and_pixels(fitted: Path) -> None:
    fits = load(fitted / "out" / "predictions.npz")
    own = fitted / "SMPL_FEMALE.npz"
    body = load_own_body(own) if own.exists() else load_body_model()
    names = ("betas", "global_orient", "body_pose", "transl")
    out = body.to_smplx()(**{name: torch.from_numpy(fits[name]) for name in names})
    vertices = fits["vertices"] * np.array([1, -1, -1]) + fits["translation"][:, None]
    np.testing.assert_allclose(out.vertices.numpy(), vertices, atol=1e-4)
    joints = out.joints[:, list(COCO18_INDICES)].double().numpy()
    intrinsics = fits["intrinsics"][:, None]
    pixels = joints[..., :2] / joints[..., 2:] * intrinsics[..., :2] + intrinsics[..., 2:]
    assert np.abs(pixels - fits["projected"]).max() < 0.1


def test_bvh_and_amass_and_glb_are_one_motion(fitted: Path) -> None:
    out, own = fitted / "out", fitted / "SMPL_FEMALE.npz"
    body = load_own_body(own) if own.exists() else load_body_model()
    fits = load(out / "predictions.npz")
    for number in range(PEOPLE):
        rows = fits["person"] == number
        amass = load(out / f"person_{number:02d}_poses.npz")
        assert amass["moment"].tolist() == list(range(100, 111))
        assert amass["measured"].tolist() == [m in FRAMES for m in range(100, 111)]
        assert float(amass["mocap_framerate"]) == float(amass["mocap_frame_rate"]) == FPS
        kind = "smpl" if own.exists() else "lsr1_pl_open_body"
        assert str(amass["surface_model_type"]) == kind
        assert str(amass["gender"]) == ("female" if own.exists() else "neutral")
        np.testing.assert_allclose(amass["betas"], fits["betas"][rows].mean(axis=0), atol=1e-5)
        # The body of smplx, z up; the converter of AMASS reads the pose of the fits.
        smplx = body.to_smplx()
        tensors = {k: torch.from_numpy(amass[k]).float() for k in ("poses", "betas", "trans")}
        posed = smplx(
            betas=tensors["betas"].expand(11, 10),
            global_orient=tensors["poses"][:, :3],
            body_pose=tensors["poses"][:, 3:],
            transl=tensors["trans"],
        )
        joints = posed.joints[:, : len(SMPL_JOINTS)].numpy()
        lowest = posed.vertices[..., 2].min(dim=1).values.numpy()
        assert -1e-3 < lowest.min() < 0.01  # on the ground, and never below
        assert lowest.max() < 0.12
        assert bool((joints[:, SMPL_JOINTS.index("head"), 2] > 1).all())
        with (out / f"person_{number:02d}_poses.npz").open("rb") as file:
            recording = read_recording(file, "person")
        measured = amass["measured"]
        # Its two hand joints are at rest there.
        np.testing.assert_allclose(
            recording.poses[measured, :66], fits["pose"][rows][:, :66], atol=1e-4
        )
        bvh = read_bvh(out / f"person_{number:02d}.bvh")
        assert bvh.frame_time == pytest.approx(1 / FPS)
        order = [bvh.names.index(name) for name in SMPL_JOINTS]
        places = bvh.world()[1][:, order]
        np.testing.assert_allclose(places[..., [0, 2, 1]] * [1, -1, 1], joints, atol=1e-3)
        times, root = glb_root(out / f"person_{number:02d}.glb")
        np.testing.assert_allclose(times, (np.array(FRAMES) - 100) / FPS, atol=1e-6)
        np.testing.assert_allclose(root, places[measured, 0], atol=1e-3)
    first, second = (load(out / f"person_{k:02d}_poses.npz")["trans"] for k in range(PEOPLE))
    # Side by side, as in the image: 250 of 1,100 pixels at 5 m or so.
    assert 0.7 < float((second - first)[:, 0].mean()) < 1.8
    np.testing.assert_allclose(first[0, :2], 0, atol=0.1)


def test_frames_too_far_apart_get_a_note_and_keep_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = load(seen(tmp_path / "walk.npz", people=1, moments=[0, 1]))
    marks["moment"] = np.array([0, 10**9])
    np.savez(tmp_path / "far.npz", **marks)  # type: ignore[arg-type]
    predict(tmp_path / "far.npz", tmp_path / "out", "--sequence", "yes")
    assert "Person 0 is in frames 0 to 1000000000: too many to fill" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"predictions.npz", "index.html", "person_00.glb"}


def test_a_body_that_cannot_be_fitted_leaves_an_earlier_run_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = seen(tmp_path / "walk.npz", people=1), tmp_path / "out"
    out.mkdir()
    (out / "predictions.npz").write_text("of an earlier run")
    (tmp_path / "SMPL_MALE.pkl").write_bytes(b"\x80\x02}q\x00.")
    for name, says in (
        ("SMPL_MALE.pkl", "lsr1 data convert smpl FOLDER data/smpl"),
        ("nowhere.npz", "no such file"),
        (str(tmp_path), "is a folder"),
    ):
        words = ["predict", str(source), "--out", str(out), "--body", str(tmp_path / name)]
        assert main(words) == 2
        assert says in capsys.readouterr().err
    words = ["predict", str(source), "--out", str(out), "--ckpt", "lgd_open"]
    assert main([*words, "--body", str(smpl_file(tmp_path))]) == 2
    assert "such as hmr_open_lifted" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["predictions.npz"]
    assert (out / "predictions.npz").read_text() == "of an earlier run"
