"""``lsr1 predict`` with the shipped fitter: real motion in as detections, bodies out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pygltflib
import pytest
import torch
from shown_page import page_data

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18, PARENTS
from lsr1_pl.cli import main
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.metrics.pa_mpjpe import pa_mpjpe

FRAMES = 12


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.Tensor]:
    """A folder of OpenPose files, a sixth of the keypoints lost, and the true joints."""
    folder = tmp_path_factory.mktemp("walk") / "frames"
    folder.mkdir()
    store = MotionStore(open_motion_path())
    (recording,) = (r for r in store.recordings if r.name == "walk")
    rows = np.arange(recording.first_row, recording.first_row + FRAMES)
    pose = torch.from_numpy(np.array(store.poses(rows))).float()
    joints = load_body_model().select(COCO18)(pose, torch.zeros(FRAMES, 10))
    pixels = PinholeCamera(1100.0, 960.0, 540.0).project(joints).numpy()
    generator = np.random.default_rng(0)
    pixels = pixels + generator.normal(size=pixels.shape)
    for frame, points in enumerate(pixels):
        confidence = np.where(generator.random(18) < 1 / 6, 0.0, 0.9)
        flat = np.concatenate([points, confidence[:, None]], axis=1).reshape(-1).tolist()
        people = [{"pose_keypoints_2d": flat}]
        (folder / f"f_{frame}_keypoints.json").write_text(json.dumps({"people": people}))
    return folder, joints


@pytest.fixture(scope="module")
def fitted(walk: tuple[Path, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fits") / "out"
    words = ["predict", str(walk[0]), "--out", str(out), "--vertices", "--obj", "--steps", "10"]
    assert main(words) == 0
    return out


def test_the_file_holds_every_frame(fitted: Path, walk: tuple[Path, torch.Tensor]) -> None:
    with np.load(fitted / "predictions.npz", allow_pickle=False) as fits:
        assert fits["pose"].shape == (FRAMES, 72)
        assert fits["betas"].shape == (FRAMES, 10)
        assert fits["vertices"].shape[0] == FRAMES
        assert fits["error_by_step"].shape == (FRAMES, 11)
        assert fits["frame"].tolist() == [f"f_{k}" for k in range(FRAMES)]
        assert fits["status"].tolist() == [0] * FRAMES
        errors = fits["error_by_step"]
        assert errors.min(axis=1).mean() < 0.75 * errors[:, 0].mean()
        assert (errors.min(axis=1) < 0.003).all()
        intrinsics, translation = fits["intrinsics"], fits["translation"]
        joints, keypoints, projected = fits["joints"], fits["keypoints"], fits["projected"]
        seen = fits["confidence"] > 0
        fit = torch.from_numpy(joints[:, :14])
    placed = joints * [1, -1, -1] + translation[:, None]
    pixels = placed[..., :2] / placed[..., 2:] * intrinsics[:, None, :2] + intrinsics[:, None, 2:]
    np.testing.assert_allclose(pixels, projected, atol=1e-2)
    off = np.abs(pixels - keypoints)[seen]
    assert np.median(off) < 10
    # What a fit of one view can know: better than the mean pose by far.
    assert float(pa_mpjpe(fit, walk[1][:, :14]).mean()) < 120


def test_the_motion_is_a_skinned_animation(fitted: Path) -> None:
    file = pygltflib.GLTF2().load(fitted / "person_00.glb")
    assert file is not None
    blob = file.binary_blob()

    def read(number: int, dtype: type, width: int) -> np.ndarray:
        accessor = file.accessors[number]
        view = file.bufferViews[accessor.bufferView]
        data = blob[view.byteOffset : view.byteOffset + view.byteLength]
        return np.frombuffer(data, dtype=dtype).reshape(accessor.count, width)

    assert len(file.skins[0].joints) == len(PARENTS) == 24
    (animation,) = file.animations
    # Each joint turns, and the root moves.
    assert [channel.target.path for channel in animation.channels].count("rotation") == 24
    root = read(animation.samplers[24].output, np.float32, 3)
    assert animation.channels[24].target.path == "translation"
    times = read(animation.samplers[0].input, np.float32, 1)
    np.testing.assert_allclose(times[:, 0], np.arange(FRAMES) / 30, rtol=1e-6)
    with np.load(fitted / "predictions.npz", allow_pickle=False) as fits:
        pose, betas, truth = fits["pose"], fits["betas"], fits["vertices"]
    # Skin the mesh as a viewer does, and compare it with the body's own.
    primitive = file.meshes[0].primitives[0]
    rest = read(primitive.attributes.POSITION, np.float32, 3)
    bones = read(primitive.attributes.JOINTS_0, np.uint16, 4)
    weights = read(primitive.attributes.WEIGHTS_0, np.float32, 4)
    inverse = read(file.skins[0].inverseBindMatrices, np.float32, 16).reshape(-1, 4, 4)
    world = np.zeros((24, 4, 4))
    for joint in range(24):
        x, y, z, w = read(animation.samplers[joint].output, np.float32, 4)[3]
        local = np.eye(4)
        local[:3, :3] = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        local[:3, 3] = root[3] if joint == 0 else file.nodes[joint].translation
        world[joint] = local if PARENTS[joint] < 0 else world[PARENTS[joint]] @ local
    moved = world @ inverse.transpose(0, 2, 1)
    blended = np.einsum("vk,vkab->vab", weights, moved[bones])
    points = np.einsum("vab,vb->va", blended, np.append(rest, np.ones((len(rest), 1)), axis=1))
    body = load_body_model()
    mean = torch.from_numpy(betas).mean(dim=0, keepdim=True)
    own = body.vertices(torch.from_numpy(pose[3:4]), mean)[0].numpy()
    assert own.shape == truth[0].shape
    moved_by = root[3] - body.rest_joints(mean)[0, 0].numpy()
    distance = np.linalg.norm(points[:, :3] - own - moved_by, axis=1)
    assert np.median(distance) < 0.004
    assert np.quantile(distance, 0.99) < 0.04


def test_the_page_is_whole_and_meshes_are_written(fitted: Path) -> None:
    page = (fitted / "index.html").read_text(encoding="utf-8")
    data = page_data(fitted)
    assert len(data["frames"]["names"]) == len(data["meshes"]) == FRAMES
    assert "drag to turn" in page
    # Nothing is fetched: scripts and styles are inside.
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="(?!data:)', page)
    meshes = sorted((fitted / "meshes").glob("*.obj"))
    assert len(meshes) == FRAMES
    with np.load(fitted / "predictions.npz", allow_pickle=False) as fits:
        first = fits["vertices"][0]
    lines = (fitted / "meshes" / "f_0_00.obj").read_text().splitlines()
    written = np.array([line.split()[1:] for line in lines if line[0] == "v"], dtype=float)
    np.testing.assert_allclose(written, first, atol=1e-5)
    assert not list(fitted.rglob("*.partial*"))
