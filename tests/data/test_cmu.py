"""Retargeting: limbs by direction, twist by hinges; and the conversion of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from bvh_files import bvh_text, column, still

from lsr1_pl.body import load_body_model
from lsr1_pl.body.skeleton import SMPL_JOINTS
from lsr1_pl.data import MotionStore, convert_cmu, read_bvh
from lsr1_pl.data.sources.bvh import BVH
from lsr1_pl.data.sources.skeletons.built_in import BUILT_IN
from lsr1_pl.data.sources.skeletons.retarget import retarget as retarget_any
from lsr1_pl.ground.errors import UserError

METRES_PER_UNIT = 0.0254 / 0.45
"""CMU's unit of length."""
SHARED = Path(__file__).parents[3] / "shared" / "mocap" / "cmu"
LIMBS = {
    "hip": ("knee", "UpLeg", "Leg"),
    "knee": ("ankle", "Leg", "Foot"),
    "ankle": ("foot", "Foot", "ToeBase"),
    "shoulder": ("elbow", "Arm", "ForeArm"),
    "elbow": ("wrist", "ForeArm", "Hand"),
}


def rest_joints() -> np.ndarray:
    body = load_body_model("open", dtype=torch.float64)
    return body.rest_joints(torch.zeros(1, 10, dtype=torch.float64))[0].numpy()


def retarget(recording: BVH, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = retarget_any(recording, BUILT_IN["cmu"], rest)
    return found.poses, found.trans


def made(tmp_path: Path, frames: np.ndarray, frame_time: float = 1 / 120) -> BVH:
    (tmp_path / "01_01.bvh").write_text(bvh_text(frames, frame_time))
    return read_bvh(tmp_path / "01_01.bvh")


def moving(count: int) -> np.ndarray:
    """Every joint turns a little, elbows and knees about their hinges only."""
    rng = np.random.default_rng(0)
    frames = still(count)
    frames[1:, 3:] = rng.normal(scale=15.0, size=(count - 1, frames.shape[1] - 3))
    for side, bend in (("Left", -1.0), ("Right", 1.0)):
        angles = rng.uniform(5, 100, count - 1)
        for joint, axis, sign in ((f"{side}Leg", 2, 1.0), (f"{side}ForeArm", 1, bend)):
            first = column(joint)
            frames[1:, first : first + 3] = 0.0
            frames[1:, first + axis] = sign * angles
    return frames


def directions_agree(recording: BVH, poses: np.ndarray, frames: np.ndarray) -> None:
    body = load_body_model("open", dtype=torch.float64)
    betas = torch.zeros(len(poses), 10, dtype=torch.float64)
    joints = body.joints(torch.from_numpy(poses), betas).numpy()
    _, places = recording.world()
    for side, name in (("left", "Left"), ("right", "Right")):
        for joint, (child, source, source_child) in LIMBS.items():
            fitted = (
                joints[:, SMPL_JOINTS.index(f"{side}_{child}")]
                - joints[:, SMPL_JOINTS.index(f"{side}_{joint}")]
            )
            measured = (
                places[frames, recording.names.index(name + source_child)]
                - places[frames, recording.names.index(name + source)]
            )
            lengths = np.linalg.norm(fitted, axis=1) * np.linalg.norm(measured, axis=1)
            assert ((fitted * measured).sum(axis=1) / lengths > 1 - 1e-6).all()


def test_limbs_point_where_the_recording_points(tmp_path: Path) -> None:
    recording = made(tmp_path, moving(41))
    poses, trans = retarget(recording, rest_joints())
    assert poses.shape == (10, 72)
    assert trans.shape == (10, 3)
    directions_agree(recording, poses, np.arange(1, 41, 4))


def test_knees_flex_about_their_hinge_alone(tmp_path: Path) -> None:
    poses, _ = retarget(made(tmp_path, moving(201)), rest_joints())
    for side in ("left", "right"):
        knee = poses.reshape(-1, 24, 3)[:, SMPL_JOINTS.index(f"{side}_knee")]
        assert (knee[:, 0] > 0).all()
        assert np.abs(knee[:, 1:]).max() < 0.1


def test_a_thigh_that_turns_over_does_not_bend_the_knee_forward(tmp_path: Path) -> None:
    """The knee stays where it is; the recording's thigh and shank turn half around the thigh."""
    frames = moving(201)
    upper, lower = column("LeftUpLeg"), column("LeftLeg")
    frames[1:, upper : upper + 3] = 0.0
    turned = frames.copy()
    turned[161:, upper + 1] = 180.0
    frames[161:, lower + 2], turned[161:, lower + 2] = 60.0, -60.0
    whole, _ = retarget(made(tmp_path, frames), rest_joints())
    poses, _ = retarget(made(tmp_path, turned), rest_joints())
    knee, hip = (SMPL_JOINTS.index(f"left_{joint}") for joint in ("knee", "hip"))
    assert (poses.reshape(-1, 24, 3)[:, knee, 0] > 0).all()
    # The two differ by twice the slant of the thigh, which the half turn mirrors.
    assert np.abs(poses - whole).reshape(-1, 24, 3)[:, hip].max() < 0.2


def test_the_forearm_does_not_jump_where_the_hand_turns_beyond_half_a_turn(tmp_path: Path) -> None:
    frames = still(241)
    frames[1:, column("LeftForeArm") + 1] = -60.0
    # About the hand's own length, up to 200 degrees.
    frames[1:, column("LeftHand") + 2] = np.linspace(20.0, 200.0, 240)
    poses, _ = retarget(made(tmp_path, frames), rest_joints())
    steps = np.diff(poses.reshape(-1, 24, 3)[:, SMPL_JOINTS.index("left_elbow")], axis=0)
    assert np.linalg.norm(steps, axis=1).max() < 0.1


def test_frames_that_no_body_can_show_are_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "bvh").mkdir()
    frames = still(121)
    frames[41:49, column("Head")] = 175.0
    (tmp_path / "bvh" / "60_01.bvh").write_text(bvh_text(frames, 1 / 30))
    frames[1:, column("Head")] = 175.0
    (tmp_path / "bvh" / "60_02.bvh").write_text(bvh_text(frames, 1 / 30))
    report = convert_cmu(tmp_path / "bvh", tmp_path / "store")
    assert report.read == {"60_01.bvh": 108}
    assert report.left_out == {"60_01.bvh": "head turned over in 8 frames; 12 left out"}
    assert "head turned over in 120 frames" in report.refused["60_02.bvh"]
    store = MotionStore(tmp_path / "store")
    assert [(r.name, r.subject, r.rows) for r in store.recordings] == [
        ("60_01", "60", 38),
        ("60_01/2", "60", 70),
    ]


def test_t_pose_stays_the_zero_pose(tmp_path: Path) -> None:
    poses, _ = retarget(made(tmp_path, still(9)), rest_joints())
    assert np.linalg.norm(poses.reshape(-1, 24, 3), axis=2).max() < 0.2


def test_root_moves_in_metres(tmp_path: Path) -> None:
    frames = still(9)
    frames[1:, 0] = 100.0
    _, trans = retarget(made(tmp_path, frames), rest_joints())
    np.testing.assert_allclose(trans[:, 0], 100 * METRES_PER_UNIT)
    assert pytest.approx(0.05644, abs=1e-5) == METRES_PER_UNIT


@pytest.mark.parametrize(
    ("frame_time", "count", "expected"),
    [(1 / 120, 2, 1), (1 / 120, 5, 1), (1 / 120, 6, 2), (1 / 60, 6, 3), (1 / 30, 6, 5)],
)
def test_thirty_frames_a_second_without_the_t_pose(
    frame_time: float, count: int, expected: int, tmp_path: Path
) -> None:
    poses, _ = retarget(made(tmp_path, still(count), frame_time), rest_joints())
    assert len(poses) == expected


@pytest.mark.parametrize(
    ("frames", "frame_time", "message"),
    [
        (still(1), 1 / 120, "one frame only"),
        (still(5), 1 / 10, "10.0 frames a second"),
    ],
)
def test_unusable_recordings_say_why(
    frames: np.ndarray, frame_time: float, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        retarget(made(tmp_path, frames, frame_time), rest_joints())


def test_a_recording_without_a_t_pose_is_read_from_its_zero_pose(tmp_path: Path) -> None:
    frames = moving(41)
    whole, _ = retarget(made(tmp_path, frames), rest_joints())
    poses, _ = retarget(made(tmp_path, frames[1:]), rest_joints())
    # Elbows and knees need no T-pose; the rest turns from the zero pose on, which is one here.
    assert np.abs(poses - whole).max() < 0.1
    directions_agree(made(tmp_path, frames[1:]), poses, np.arange(0, 40, 4))


def test_folder_becomes_a_store_and_broken_files_are_reported(tmp_path: Path) -> None:
    source = tmp_path / "bvh"
    source.mkdir()
    (source / "02_01.bvh").write_text(bvh_text(moving(21)))
    (source / "05_01.bvh").write_text(bvh_text(moving(9)))
    (source / "05_02.bvh").write_text("HIERARCHY")
    report = convert_cmu(source, tmp_path / "store")
    assert report.read == {"02_01.bvh": 5, "05_01.bvh": 2}
    assert report.source_frames == 30
    assert "MOTION" in report.refused["05_02.bvh"]
    store = MotionStore(tmp_path / "store")
    assert [(r.name, r.subject, r.rows) for r in store.recordings] == [
        ("02_01", "02", 5),
        ("05_01", "05", 2),
    ]
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    assert "mocap.cs.cmu.edu" in manifest["licence"]


def test_a_second_recording_of_a_name_is_reported(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / "bvh" / folder).mkdir(parents=True)
        (tmp_path / "bvh" / folder / "02_01.bvh").write_text(bvh_text(moving(9)))
    report = convert_cmu(tmp_path / "bvh", tmp_path / "store")
    assert len(MotionStore(tmp_path / "store").recordings) == 1
    ((name, why),) = report.refused.items()
    assert name.endswith("b/02_01.bvh")
    assert "a/02_01.bvh" in why


def test_nothing_is_left_behind_where_nothing_could_be_read(tmp_path: Path) -> None:
    source = tmp_path / "bvh"
    source.mkdir()
    with pytest.raises(UserError, match=r"no \*\.bvh"):
        convert_cmu(source, tmp_path / "store")
    (source / "05_02.bvh").write_text("HIERARCHY")
    with pytest.raises(UserError, match=r"none of 1 files.*\n.*05_02\.bvh"):
        convert_cmu(source, tmp_path / "store")
    (source / "02_01.bvh").write_text(bvh_text(moving(9)))
    with pytest.raises(UserError, match=r"05_02\.bvh"):
        convert_cmu(source, tmp_path / "store", strict=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bvh"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs CMU's recordings")
def test_real_dance_has_no_flipped_ankle() -> None:
    """Subject 05's ankles turn by up to pi about the foot's length in the recording itself."""
    recording = read_bvh(SHARED / "05_06.bvh")
    poses, _ = retarget(recording, rest_joints())
    directions_agree(recording, poses, 1 + 4 * np.arange(len(poses)))
    joints = np.linalg.norm(poses.reshape(-1, 24, 3), axis=2)
    for side in ("left", "right"):
        assert joints[:, SMPL_JOINTS.index(f"{side}_ankle")].max() < 2.2
