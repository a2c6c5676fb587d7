"""The motion that ships: what must hold for it to be people's motion."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lsr1_pl.body import BodyModel, load_body_model
from lsr1_pl.body.skeleton import JOINTS45, SMPL_JOINTS
from lsr1_pl.data import MotionDataModule, MotionStore, open_frames_path, open_motion_path
from lsr1_pl.data.motion.splits import NAMED
from lsr1_pl.data.sources.plausible import impossible_frames

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def store() -> MotionStore:
    return MotionStore(open_motion_path())


@pytest.fixture(scope="module")
def turns(store: MotionStore) -> dict[str, Floats]:
    """(n, 3) axis-angle of each joint."""
    poses = store.poses(np.arange(len(store))).reshape(-1, 24, 3)
    return {name: poses[:, index] for index, name in enumerate(SMPL_JOINTS)}


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body_model("open")


def rows(store: MotionStore, name: str) -> NDArray[np.int64]:
    recording = next(r for r in store.recordings if r.name == name)
    return np.arange(recording.first_row, recording.first_row + recording.rows)


def joints(body: BodyModel, poses: Floats) -> dict[str, Floats]:
    with torch.no_grad():
        found = body.joints(torch.tensor(poses), torch.zeros(len(poses), 10)).numpy()
    return {name: found[:, index] for index, name in enumerate(JOINTS45)}


def test_it_is_whole_and_small(store: MotionStore) -> None:
    store.verify()
    size = sum(file.stat().st_size for file in open_motion_path().iterdir())
    assert size < 500_000
    assert {recording.fps for recording in store.recordings} == {30.0}
    assert "MIT" in store.manifest.licence


def test_the_clips_that_configs_name_are_there(store: MotionStore) -> None:
    names = {recording.name for recording in store.recordings}
    assert {"walk", "punch", "jump", "kick", "dance_b", "crawl", "getup_faceup"} <= names
    assert len(names) == 20


def test_rotations_are_finite_and_at_most_half_a_turn(turns: dict[str, Floats]) -> None:
    for name, turn in turns.items():
        assert np.isfinite(turn).all(), name
        assert np.linalg.norm(turn, axis=1).max() <= np.pi + 1e-5, name


@pytest.mark.parametrize(
    ("joint", "axis", "sign"),
    [("left_knee", 0, 1), ("right_knee", 0, 1), ("left_elbow", 1, -1), ("right_elbow", 1, 1)],
)
def test_hinges_flex_one_way(turns: dict[str, Floats], joint: str, axis: int, sign: int) -> None:
    turn = turns[joint] * sign
    # The clips themselves stretch a knee beyond straight by up to 13 degrees (spin kick).
    assert turn[:, axis].min() > -0.25
    assert turn[:, axis].max() > 1.0
    np.testing.assert_allclose(np.delete(turn, axis, axis=1), 0, atol=1e-5)


def test_the_spine_shares_its_turn(turns: dict[str, Floats]) -> None:
    np.testing.assert_allclose(turns["spine1"], turns["spine2"], atol=1e-6)
    np.testing.assert_allclose(turns["spine1"], turns["spine3"], atol=1e-6)
    assert np.linalg.norm(turns["spine1"], axis=1).max() < 0.6


def test_motion_is_smooth(store: MotionStore) -> None:
    from scipy.spatial.transform import Rotation

    for recording in store.recordings:
        poses = store.poses(rows(store, recording.name)).reshape(-1, 24, 3)
        for joint in range(24):
            turns = Rotation.from_rotvec(poses[:, joint])
            step = (turns[:-1].inv() * turns[1:]).magnitude()
            # Thirty frames a second: 1.3 rad a frame is faster than the fastest kick.
            assert step.max() < 1.3, (recording.name, SMPL_JOINTS[joint])


def test_a_walker_is_upright_and_goes_where_it_looks(store: MotionStore, body: BodyModel) -> None:
    walk = rows(store, "walk")
    place, path = joints(body, store.poses(walk)), store.trans(walk)
    assert (place["head"][:, 1] - place["pelvis"][:, 1] > 0.5).all()
    for side in ("left", "right"):
        assert (place[f"{side}_ankle"][:, 1] < -0.5).all()
        assert (place[f"{side}_wrist"][:, 1] < place[f"{side}_shoulder"][:, 1] - 0.2).all()
    forward = place["nose"].mean(axis=0) - place["head"].mean(axis=0)
    travelled = path[-1] - path[0]
    across = [0, 2]
    cosine = forward[across] @ travelled[across]
    cosine /= np.linalg.norm(forward[across]) * np.linalg.norm(travelled[across])
    assert np.linalg.norm(travelled) > 0.5
    assert cosine > 0.9
    # Arms swing against the legs.
    arm = place["left_wrist"][:, 2] - place["right_wrist"][:, 2]
    leg = place["left_ankle"][:, 2] - place["right_ankle"][:, 2]
    assert np.corrcoef(arm, leg)[0, 1] < -0.5


def test_a_crawler_lies_prone_near_the_ground(store: MotionStore, body: BodyModel) -> None:
    crawl = rows(store, "crawl")
    place = joints(body, store.poses(crawl))
    trunk = place["neck"] - place["pelvis"]
    assert (np.abs(trunk[:, 1]) < 0.6 * np.linalg.norm(trunk, axis=1)).all()
    # Its front, left cross up, looks down.
    front = np.cross(place["left_hip"] - place["right_hip"], trunk)
    assert np.median(front[:, 1]) < 0
    assert store.trans(crawl)[:, 1].max() < 0.5


@pytest.mark.parametrize(("clip", "sign"), [("getup_faceup", 1), ("getup_facedown", -1)])
def test_getting_up_starts_on_the_side_it_says(
    store: MotionStore, body: BodyModel, clip: str, sign: int
) -> None:
    getup = rows(store, clip)
    place = joints(body, store.poses(getup))
    trunk = place["neck"] - place["pelvis"]
    upright = trunk[:, 1] / np.linalg.norm(trunk, axis=1)
    lying = np.abs(upright) < 0.5
    front = np.cross(place["left_hip"] - place["right_hip"], trunk)
    assert lying[0]
    assert front[0, 1] * sign > 0
    assert upright[-1] > 0.8
    assert store.trans(getup)[-1, 1] > store.trans(getup)[0, 1] + 0.4


def test_the_frames_are_whole_small_and_of_training_subjects() -> None:
    frames = MotionStore(open_frames_path())
    frames.verify()
    size = sum(file.stat().st_size for file in open_frames_path().iterdir())
    assert size < 2_000_000
    assert len(frames) == 10_000
    assert "NSF EIA-0196217" in frames.manifest.licence
    train = NAMED["open_2026"].train
    assert train is not None
    assert all(train.holds(recording) for recording in frames.recordings)
    poses = frames.poses(np.arange(len(frames)))
    assert poses.dtype == np.float32
    assert np.linalg.norm(poses.reshape(-1, 3), axis=1).max() <= np.pi + 2e-3
    faults = impossible_frames(poses.astype(float), fps=1e-3)
    assert {fault: count.sum() for fault, count in faults.items() if count.any()} == {}


def test_the_frames_differ(body: BodyModel) -> None:
    frames = MotionStore(open_frames_path())
    poses = frames.poses(np.arange(0, len(frames), 20))
    poses[:, :3] = 0
    places = torch.from_numpy(
        np.stack(list(joints(body, poses).values()), axis=1)[:, :24].reshape(len(poses), -1)
    )
    apart = torch.cdist(places, places) + 9 * torch.eye(len(places))
    # Those that are near in joints differ in gravity's direction.
    assert apart.min(dim=1).values.median() > 0.2


def test_the_frames_go_with_the_clips() -> None:
    module = MotionDataModule(
        stores=["open", "open_frames"], validation_subjects=["06"], test_recordings=["kick"]
    )
    assert "02_01" in module.recordings()["train"]
    assert all(name.startswith("06_") for name in module.recordings()["validation"])
    assert module.train_batch(0).pose.dtype == torch.float32
